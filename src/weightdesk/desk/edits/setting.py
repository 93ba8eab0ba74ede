"""Setting weights to a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from weightdesk.desk.edits.edit import Edit, number, settle
from weightdesk.runs import Parameters
from weightdesk.types import ParameterName


@dataclass(frozen=True)
class Setting(Edit):
    """Every weight of the place gets one value, rounded to the parameter's dtype.

    Attributes:
        value: also NaN or infinite; what is too large for the dtype becomes infinite.
        before: what the weights were, where all of them were the same; found when the edit is bound.

    >>> from weightdesk.desk.places import Place
    >>> from weightdesk.desk.state import State
    >>> state = State((), {"w": torch.tensor([1.0, 2.0])}).with_edit(Setting(Place.parse("w[1]"), 0.5))
    >>> state.values["w"], state.edits[0].describe()
    (tensor([1.0000, 0.5000]), 'w[1] 2 → 0.5')
    """

    value: float
    before: float | None = field(default=None, compare=False)

    kind: ClassVar[str] = "set"
    words: ClassVar[Mapping[str, str]] = {"before": "from", "value": "to"}

    def __post_init__(self) -> None:
        before = None if self.before is None else number(self.before, "the value before")
        settle(self, value=number(self.value, f"the value of {self.place}"), before=before)

    def bound(self, parameters: Parameters, values: Mapping[ParameterName, Tensor]) -> Self:
        edit = super().bound(parameters, values)
        return replace(edit, before=_common([part.of(values[part.parameter]) for part in edit.parts]))

    def write(self, values: Mapping[ParameterName, Tensor]) -> None:
        for part in self.parts:
            part.of(values[part.parameter]).copy_(torch.tensor(self.value, dtype=torch.float64))

    def describe(self) -> str:
        before = "" if self.before is None else f" {self.before:.4g}"
        return f"{self.place}{before} → {self.value:.4g}"


def _common(tensors: list[Tensor]) -> float | None:
    """The one value of all the tensors' elements, None where they have several."""
    first = tensors[0].flatten()[:1]
    alike = ((each == first) | (each.isnan() & first.isnan()) for each in tensors)
    return first.item() if first.numel() and all(bool(each.all()) for each in alike) else None
