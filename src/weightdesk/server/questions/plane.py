"""What the network says all over a plane, where its inputs are two numbers: the whole function as a map."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import torch
from pydantic import Field
from torch import Tensor
from torch.func import functional_call

from weightdesk.errors import OptionError
from weightdesk.server.questions.listening import listening
from weightdesk.server.questions.question import Question, Step, Turns
from weightdesk.server.session import Session
from weightdesk.server.subject import Subject
from weightdesk.server.wire import Floats, Message

MARGIN: Final = 0.1  # of the examples' range, to either side


class Plane(Message):
    """A map of `y` by `x`: of each output and, where asked for, of one unit.

    The axes are in the units that the network sees, as the examples are.
    """

    x: Floats
    y: Floats
    outputs: Floats
    probabilities: bool
    unit: Floats | None


class PlaneQuestion(Question[Plane]):
    """What does the network, or a unit of it, say to each point of the plane after these turns?"""

    kind: ClassVar[str] = "plane"
    runs: ClassVar[bool] = True

    step: Step
    turns: Turns = ()
    points: Annotated[int, Field(ge=2, le=200)] = 48
    module: str | None = None
    unit: Annotated[int, Field(ge=0)] = 0

    def answer(self, session: Session) -> Plane:
        """Run the network once, on all points together."""
        subject = session.subject
        x, y = _axes(subject, self.points)
        grid = torch.stack([each.flatten() for each in torch.meshgrid(x, y, indexing="xy")], dim=1)
        asked = [] if self.module is None else [self.module]
        with (
            session.network(self.step, self.turns) as (network, _start, state),
            torch.no_grad(),
            listening(network, asked) as heard,
        ):
            outputs = functional_call(network, dict(state.values), (grid,))
        outputs = outputs.reshape(len(grid), -1)
        classes = outputs.shape[1] > 1 and _classifies(subject)
        return Plane(
            x=x,
            y=y,
            outputs=(outputs.softmax(dim=1) if classes else outputs).reshape(len(y), len(x), -1),
            probabilities=classes,
            unit=self._unit(heard[self.module]).reshape(len(y), len(x)) if self.module in heard else None,
        )

    def _unit(self, given: Tensor) -> Tensor:
        units = given.reshape(len(given), -1)
        if self.unit >= units.shape[1]:
            raise OptionError(
                f"unit {self.unit} of {self.module} does not exist: expected 0…{units.shape[1] - 1}"
            )
        return units[:, self.unit]


def _axes(subject: Subject, points: int) -> list[Tensor]:
    inputs = subject.inputs
    if not isinstance(inputs, Tensor) or inputs.shape[1:] != (2,):
        raise OptionError("only a network whose inputs are two numbers can be drawn on a plane")
    least, most = inputs.amin(dim=0), inputs.amax(dim=0)
    room = MARGIN * torch.where(most > least, most - least, 1.0)
    ends = zip((least - room).tolist(), (most + room).tolist(), strict=True)
    return [torch.linspace(low, high, points, dtype=inputs.dtype) for low, high in ends]


def _classifies(subject: Subject) -> bool:
    targets = subject.targets
    return bool(subject.class_names) or (isinstance(targets, Tensor) and not targets.is_floating_point())
