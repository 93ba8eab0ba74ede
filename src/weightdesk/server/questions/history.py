"""One weight through the training, and its gradient."""

from __future__ import annotations

from typing import ClassVar

from weightdesk.server.questions.question import Index, Question
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Integers, Message


class WeightHistory(Message):
    """What a weight and its gradient were, at every step where that is known."""

    steps: Integers
    values: Doubles
    gradient_steps: Integers
    gradients: Doubles
    snapshots: Integers
    sampled: bool


class HistoryQuestion(Question[WeightHistory]):
    """What became of this weight?"""

    kind: ClassVar[str] = "history"
    settled: ClassVar[bool] = False

    parameter: str
    index: Index

    def answer(self, session: Session) -> WeightHistory:
        """Read single elements; no snapshot is loaded."""
        run = session.run
        weight = run.history(self.parameter, self.index)
        gradient = run.gradient_history(self.parameter, self.index)
        return WeightHistory(
            steps=weight.steps,
            values=weight.values,
            gradient_steps=gradient.steps,
            gradients=gradient.values,
            snapshots=run.steps,
            sampled=weight.sampled,
        )
