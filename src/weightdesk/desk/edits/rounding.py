"""Rounding: how many bits the weights need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from jaxtyping import Float
from torch import Tensor

from weightdesk.desk.edits.edit import Edit, settle, whole
from weightdesk.desk.parts import Part
from weightdesk.errors import OptionError, closest
from weightdesk.types import ParameterName

_DTYPES: Final = {
    name: getattr(torch, name)
    for name in ("float32", "bfloat16", "float16", "float8_e4m3fn", "float8_e5m2")
    if hasattr(torch, name)
}


@dataclass(frozen=True)
class Rounding(Edit):
    """Every weight of the place becomes the nearest value that fewer bits can hold; its dtype stays.

    With b bits these are the 2ᵇ − 1 whole multiples, from −(2ᵇ⁻¹ − 1) to 2ᵇ⁻¹ − 1, of one number that
    makes the largest weight the last of them. Weights that are not finite stay, and count for nothing.

    Attributes:
        bits: 2 … 24, or
        dtype: of torch, such as `"bfloat16"`; what it cannot hold becomes what torch makes of it.
        by: `"tensor"` for one scale for all weights of a parameter that are meant, `"row"` for one for
            each row; a parameter of one axis always has one.

    >>> from weightdesk.desk.places import Place
    >>> from weightdesk.desk.state import State
    >>> state = State((), {"w": torch.tensor([0.7, -0.3, 0.12, 3.0])})
    >>> state.with_edit(Rounding(Place.parse("w"), bits=3)).values["w"]
    tensor([1., 0., 0., 3.])
    """

    bits: int | None = None
    dtype: str | None = None
    by: str = "tensor"

    kind: ClassVar[str] = "round"

    def __post_init__(self) -> None:
        if (self.bits is None) == (self.dtype is None):
            raise OptionError("round takes either bits, such as 8, or a dtype, such as 'bfloat16'")
        if self.bits is not None:
            settle(self, bits=whole(self.bits, "bits", least=2, most=24))
        else:
            name = str(self.dtype).removeprefix("torch.")
            if name not in _DTYPES:
                raise OptionError(f"weights cannot be rounded to {name!r}; {closest(name, _DTYPES)}")
            settle(self, dtype=name)
        if self.by not in ("tensor", "row"):
            raise OptionError(f"weights are rounded by 'tensor' or by 'row', got {self.by!r}")

    def write(self, values: Mapping[ParameterName, Tensor]) -> None:
        for part in self.parts:
            weights = part.of(values[part.parameter])
            if self.dtype is not None:
                weights.copy_(weights.to(_DTYPES[self.dtype]))
            elif weights.numel():
                rows = self.by == "row" and _has_rows(part, values[part.parameter])
                weights.copy_(_quantised(weights.double(), 2 ** ((self.bits or 0) - 1) - 1, rows))

    def describe(self) -> str:
        return f"{self.place} rounded to {self.dtype or f'{self.bits} bits'}" + (
            " by row" if self.by == "row" and self.bits else ""
        )


def _has_rows(part: Part, tensor: Tensor) -> bool:
    return tensor.ndim > 1 and not (part.index and isinstance(part.index[0], int))


def _quantised(weights: Float[Tensor, ...], levels: int, rows: bool) -> Float[Tensor, ...]:
    finite = weights.isfinite()
    sizes = torch.where(finite, weights.abs(), 0.0)
    largest = sizes.amax(dim=tuple(range(1, weights.ndim)), keepdim=True) if rows else sizes.amax()
    scale = torch.where(largest > 0, largest / levels, 1.0)
    nearest = (weights / scale).round() * scale
    return torch.where(finite, nearest + 0.0, weights)  # a sum with 0 makes 0 of −0
