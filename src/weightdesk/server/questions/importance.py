"""How much depends on each weight of a parameter, or on all that come into a unit."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from torch import Tensor

from weightdesk.errors import OptionError
from weightdesk.explain import importance
from weightdesk.server.questions.question import Question, Step, Turns, finite
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Message

EXAMPLES: Final = 256
MOST: Final = 200_000
"""Weights of the largest parameter that a person is kept waiting for."""
UNIT: Final = 100
"""Weights in whose time a unit is ablated, roughly: many of a layer are ablated together."""


class ImportanceOfWeights(Message):
    """The change of the loss if each weight were zero, in the parameter's own shape; or those of each unit.

    `error` says how far off the computed ones are at most, `bound` how far the estimated ones.
    """

    parameter: str
    values: Doubles
    baseline: float | None
    error: float | None
    bound: float | None
    examples: int
    note: str


class ImportanceQuestion(Question[ImportanceOfWeights]):
    """What would the loss be without each weight, or without those of each unit, on the first examples?"""

    kind: ClassVar[str] = "importance"
    runs: ClassVar[bool] = True
    long: ClassVar[bool] = True

    parameter: str
    step: Step
    turns: Turns = ()
    level: Literal["weight", "unit"] = "weight"

    def answer(self, session: Session) -> ImportanceOfWeights:
        """Ablate every one of them."""
        facts, subject = session.run.parameters[self.parameter], session.subject
        each = {"weight": 1, "unit": UNIT}[self.level]
        count = facts.size if self.level == "weight" else facts.shape[0]
        if count * each > MOST:
            raise OptionError(
                f"{self.parameter} has {count:,} {self.level}s; "
                f"for more than {MOST // each:,} ask weightdesk.importance"
            )
        if subject.loss is None or not isinstance(subject.inputs, Tensor):
            raise OptionError("importance needs inputs in one tensor, targets and a loss")
        model = session.model(self.step, self.turns)
        inputs, targets = subject.inputs[:EXAMPLES], subject.targets[:EXAMPLES]
        found = importance(model, inputs, targets, subject.loss, self.parameter, level=self.level)
        return ImportanceOfWeights(
            parameter=self.parameter,
            values=found.values,
            baseline=finite(found.baseline),
            error=finite(found.error),
            bound=finite(found.bound),
            examples=len(inputs),
            note=found.note,
        )
