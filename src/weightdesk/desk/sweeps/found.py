"""What is known at some values of a weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float64
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Found:
    """Numbers at some values.

    Attributes:
        values: of the weight, each once.
        numbers: loss and scores there.
        errors: of these.
        exact: which of the values were computed on all examples.
        slope: of the loss at the present value, with its error; None where it is not known.
        notes: how it was done.
        seconds: that one exact point took; 0 where none was computed.
    """

    values: Float64[Tensor, " values"]
    numbers: Mapping[str, Float64[Tensor, " values"]]
    errors: Mapping[str, Float64[Tensor, " values"]]
    exact: Bool[Tensor, " values"]
    slope: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def joined(self, other: Found) -> Found:
        """The values of both."""
        return Found(
            torch.cat([self.values, other.values]),
            {name: torch.cat([each, other.numbers[name]]) for name, each in self.numbers.items()},
            {name: torch.cat([each, other.errors[name]]) for name, each in self.errors.items()},
            torch.cat([self.exact, other.exact]),
            self.slope or other.slope,
            (*self.notes, *other.notes),
            self.seconds or other.seconds,
        )

    def only(self, kept: Bool[Tensor, " values"]) -> Found:
        """Some of the values."""
        numbers, errors = (
            {name: each[kept] for name, each in of.items()} for of in (self.numbers, self.errors)
        )
        return replace(self, values=self.values[kept], numbers=numbers, errors=errors, exact=self.exact[kept])

    def with_slope(self, slope: tuple[float, float] | None, notes: tuple[str, ...] = ()) -> Found:
        """The same with a slope."""
        return replace(self, slope=slope, notes=(*self.notes, *notes))

    def at(
        self, asked: Float64[Tensor, " asked"]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor], Bool[Tensor, " asked"]]:
        """Numbers, errors and whether they are exact, in the order in which values were asked for."""
        same = (asked[:, None] == self.values) | (asked[:, None].isnan() & self.values.isnan())
        places = same.long().argmax(1)
        return (
            {name: each[places] for name, each in self.numbers.items()},
            {name: each[places] for name, each in self.errors.items()},
            self.exact[places],
        )


def exactly_found(
    values: Float64[Tensor, " values"],
    numbers: Mapping[str, Float64[Tensor, " values"]],
    seconds: float = 0.0,
) -> Found:
    """Numbers without errors."""
    errors = {name: torch.zeros_like(each) for name, each in numbers.items()}
    return Found(values, numbers, errors, torch.ones(len(values), dtype=torch.bool), seconds=seconds)
