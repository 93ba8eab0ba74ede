"""How much depends on each weight of a parameter."""

from __future__ import annotations

from typing import ClassVar, Final

from torch import Tensor

from weightdesk.errors import OptionError
from weightdesk.explain import importance
from weightdesk.server.questions.question import Question, Step, Turns, finite
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Message

EXAMPLES: Final = 256
MOST: Final = 200_000
"""Weights of the largest parameter that a person is kept waiting for."""


class ImportanceOfWeights(Message):
    """The change of the loss if each weight were zero, in the parameter's own shape.

    `error` says how far off the computed ones are at most, `bound` how far the estimated ones.
    """

    values: Doubles
    baseline: float | None
    error: float | None
    bound: float | None
    examples: int
    note: str


class ImportanceQuestion(Question[ImportanceOfWeights]):
    """What would the loss be without each weight, on the first examples?"""

    kind: ClassVar[str] = "importance"
    runs: ClassVar[bool] = True

    parameter: str
    step: Step
    turns: Turns = ()

    def answer(self, session: Session) -> ImportanceOfWeights:
        """Ablate every weight."""
        size, subject = session.run.parameters[self.parameter].size, session.subject
        if size > MOST:
            raise OptionError(
                f"{self.parameter} has {size:,} weights; for more than {MOST:,} ask weightdesk.importance"
            )
        if subject.loss is None or not isinstance(subject.inputs, Tensor):
            raise OptionError("importance needs inputs in one tensor, targets and a loss")
        model = session.model(self.step, self.turns)
        inputs, targets = subject.inputs[:EXAMPLES], subject.targets[:EXAMPLES]
        found = importance(model, inputs, targets, subject.loss, self.parameter, method="ablation")
        return ImportanceOfWeights(
            values=found.values,
            baseline=finite(found.baseline),
            error=finite(found.error),
            bound=finite(found.bound),
            examples=len(inputs),
            note=found.note,
        )
