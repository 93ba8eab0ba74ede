"""A whole parameter at a step: its weights, its gradient, or what the step did to it."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from weightdesk.errors import OptionError
from weightdesk.server.questions.question import Question, Step, Turns
from weightdesk.server.session import Session
from weightdesk.server.wire import Floats, Message

MOST: Final = 4_000_000
"""Numbers that are sent at once; larger parameters are looked at in tiles."""


class Weights(Message):
    """The numbers in the parameter's own shape."""

    values: Floats


class WeightsQuestion(Question[Weights]):
    """What are the weights of a parameter, after these turns? Gradients and updates know no turns."""

    kind: ClassVar[str] = "weights"

    parameter: str
    step: Step
    what: Literal["weight", "gradient", "update"] = "weight"
    turns: Turns = ()

    def answer(self, session: Session) -> Weights:
        """Read them from the snapshot."""
        known = session.run.parameters[self.parameter]
        if known.size > MOST:
            raise OptionError(
                f"{known.name} has {known.size:,} weights, more than the {MOST:,} that are sent at once; "
                "look at it in tiles"
            )
        if self.what == "weight":
            return Weights(values=session.weights(known.name, self.step, self.turns))
        read = session.run.gradient if self.what == "gradient" else session.run.update
        return Weights(values=read(known.name, self.step))
