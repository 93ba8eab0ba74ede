"""A parameter at a step, or one unit of it: its weights, its gradient, or what the step did to it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field
from torch import Tensor

from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.runs.parameters import Parameter
from weightdesk.server.questions.question import Question, Step, Turns
from weightdesk.server.session import Session
from weightdesk.server.unitreader import UnitReader
from weightdesk.server.wire import Floats, Message

AT_ONCE: Final = 4_000_000
"""Numbers that are sent at once; larger parameters are looked at in tiles."""


class Weights(Message):
    """The numbers in the parameter's own shape; of one unit without the first axis."""

    values: Floats


class WeightsQuestion(Question[Weights]):
    """What are the weights of a parameter, after these turns? Gradients and updates know no turns."""

    kind: ClassVar[str] = "weights"

    parameter: str
    step: Step
    what: Literal["weight", "gradient", "update"] = "weight"
    turns: Turns = ()
    unit: Annotated[int, Field(ge=0)] | None = None

    def answer(self, session: Session) -> Weights:
        """Read them from the snapshot."""
        known = session.run.parameters[self.parameter]
        if self.unit is None:
            return Weights(values=self._all(session, known))
        units = known.shape[0] if known.shape else 0
        if self.unit >= units:
            raise IndexRangeError(f"{known.name} has {units} units, got {self.unit}")
        if self.what == "weight" and not self.turns:
            return Weights(
                values=UnitReader.of(session).read(known.name, self.step, self.unit, self.unit + 1)[0]
            )
        return Weights(values=self._read(session, known.name)[self.unit])

    def _all(self, session: Session, known: Parameter) -> Tensor:
        if known.size > AT_ONCE:
            raise OptionError(
                f"{known.name} has {known.size:,} weights, more than the {AT_ONCE:,} that are sent at once; "
                "look at it in tiles"
            )
        return self._read(session, known.name)

    def _read(self, session: Session, name: str) -> Tensor:
        if self.what == "weight":
            return session.weights(name, self.step, self.turns)
        return (session.run.gradient if self.what == "gradient" else session.run.update)(name, self.step)
