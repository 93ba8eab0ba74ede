"""How good the network is after some turns, on the whole probe set."""

from __future__ import annotations

from typing import ClassVar, Self

from weightdesk.desk import Outcome
from weightdesk.server.questions.question import Question, Step, Turns, finite
from weightdesk.server.session import Session
from weightdesk.server.wire import Message


class Scores(Message):
    """Loss and accuracy with the turns, and without them as `_before`.

    They are of the examples `seen`: of all `examples`, or estimates with `loss_error`.
    """

    loss: float | None
    loss_before: float | None
    loss_error: float | None
    accuracy: float | None
    accuracy_before: float | None
    seen: int
    examples: int

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """What an outcome says of the examples that it has seen."""
        loss, accuracy = outcome.measures.get("loss"), outcome.measures.get("accuracy")
        bounds = loss.interval if loss is not None and not outcome.exact else None
        return cls(
            loss=finite(loss.now) if loss else None,
            loss_before=finite(loss.before) if loss else None,
            loss_error=(bounds[1] - bounds[0]) / 2 if bounds else None,
            accuracy=finite(accuracy.now) if accuracy else None,
            accuracy_before=finite(accuracy.before) if accuracy else None,
            seen=len(outcome.examples),
            examples=outcome.count,
        )


class ScoresQuestion(Question[Scores]):
    """What are loss and accuracy on all examples?"""

    kind: ClassVar[str] = "scores"
    runs: ClassVar[bool] = True
    long: ClassVar[bool] = True

    step: Step
    turns: Turns = ()

    def answer(self, session: Session) -> Scores:
        """Run all of the probe set."""
        with session.desk(self.step, self.turns) as desk:
            return Scores.of(desk.outcome)
