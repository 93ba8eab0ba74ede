"""Scaling: making weights louder or quieter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from weightdesk.desk.edits.edit import Edit, number, settle
from weightdesk.desk.parts import Part
from weightdesk.runs import Parameters
from weightdesk.types import ParameterName


@dataclass(frozen=True)
class Scaling(Edit):
    """Every weight of the place, a unit's bias too, is multiplied with a factor.

    Of an attention head only the columns of the output projection are, so that what the head adds is
    multiplied just once.

    Attributes:
        factor: the product is computed in float64 and then rounded to the parameter's dtype.

    >>> import torch
    >>> from weightdesk.desk.places import Place
    >>> from weightdesk.desk.state import State
    >>> State((), {"w": torch.tensor([1.0, 2.0])}).with_edit(Scaling(Place.parse("w[1]"), 1.5)).values["w"]
    tensor([1., 3.])
    """

    factor: float

    kind: ClassVar[str] = "scale"

    def __post_init__(self) -> None:
        settle(self, factor=number(self.factor, f"the factor of {self.place}"))

    def meant(self, parameters: Parameters) -> tuple[Part, ...]:
        return self.place.outputs(parameters)

    def write(self, values: Mapping[ParameterName, Tensor]) -> None:
        for part in self.parts:
            weights = part.of(values[part.parameter])
            weights.copy_(weights.double() * self.factor)

    def describe(self) -> str:
        return f"{self.place} × {self.factor:.4g}"
