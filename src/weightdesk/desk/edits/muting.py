"""Muting: weights that become zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from weightdesk.desk.edits.edit import Edit
from weightdesk.desk.parts import Part
from weightdesk.runs import Parameters
from weightdesk.types import ParameterName


@dataclass(frozen=True)
class Muting(Edit):
    """Every weight of the place, a unit's bias too, becomes zero.

    Of an attention head only the columns of the output projection do, so that exactly what the head
    adds is gone.

    >>> import torch
    >>> from weightdesk.desk.places import Place
    >>> from weightdesk.desk.state import State
    >>> State((), {"w": torch.tensor([1.0, 2.0])}).with_edit(Muting(Place.parse("w[1]"))).values["w"]
    tensor([1., 0.])
    """

    kind: ClassVar[str] = "mute"

    def meant(self, parameters: Parameters) -> tuple[Part, ...]:
        return self.place.outputs(parameters)

    def write(self, values: Mapping[ParameterName, Tensor]) -> None:
        for part in self.parts:
            part.of(values[part.parameter]).zero_()

    def describe(self) -> str:
        return f"{self.place} muted"
