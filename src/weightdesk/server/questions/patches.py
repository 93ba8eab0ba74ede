"""What excites a unit most and least among the examples, and which part of them it sees."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import torch
from pydantic import Field
from torch import Tensor

from weightdesk.capture.examples import StrongestExamples, strongest_examples
from weightdesk.errors import OptionError
from weightdesk.server.questions.question import Question, Step, Turns
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Floats, Integers, Message

COUNT: Final = 9


class Patches(Message):
    """The `strongest` first, the weakest behind them; `activations` are weighted sums z.

    Each of `boxes` is the rows from and to (without the last), and the columns, that the unit sees.
    """

    examples: Integers
    inputs: Floats
    boxes: Integers
    activations: Doubles
    strongest: int


class PatchesQuestion(Question[Patches]):
    """Which parts of which pictures excite this unit?"""

    kind: ClassVar[str] = "patches"
    runs: ClassVar[bool] = True
    long: ClassVar[bool] = True

    layer: str
    unit: Annotated[int, Field(ge=0)]
    step: Step
    turns: Turns = ()

    def answer(self, session: Session) -> Patches:
        """Go through all examples once for all units of the layer."""
        key = (self.layer, self.step, self.turns)
        found: StrongestExamples = session.kept("patches", key, lambda: self._found(session))
        if self.unit >= found.layer.units:
            raise OptionError(f"{self.layer} has {found.layer.units} units, got {self.unit}")
        places = [(least, rank) for least in (False, True) for rank in range(found.most.examples.shape[1])]
        ends = [found.least if least else found.most for least, _ in places]
        at = [(self.unit, rank) for _, rank in places]
        examples = torch.stack([end.examples[place] for end, place in zip(ends, at, strict=True)])
        return Patches(
            examples=examples,
            inputs=found.specimen.inputs[examples],
            boxes=[_sides(found.box(self.unit, rank, least=least)) for least, rank in places],
            activations=torch.stack([end.values[place] for end, place in zip(ends, at, strict=True)]),
            strongest=len(places) // 2,
        )

    def _found(self, session: Session) -> StrongestExamples:
        case = session.case(self.step, self.turns).about(layer_name=self.layer)
        if case.specimen.inputs.ndim != 4:
            raise OptionError(f"patches are of pictures, got inputs of shape {_shape(case.specimen.inputs)}")
        return strongest_examples(case.specimen, case.layer, COUNT)


def _sides(box: tuple[slice, ...]) -> list[int]:
    return [each for side in box[-2:] for each in (side.start, side.stop)]


def _shape(inputs: Tensor) -> tuple[int, ...]:
    return tuple(inputs.shape[1:])
