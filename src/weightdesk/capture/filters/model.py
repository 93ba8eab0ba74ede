"""What a model of filters is: a family of filters with few numbers, and the member nearest to each filter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float64
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Fit:
    """The members of a family that are nearest to filters, by least squares.

    Attributes:
        r2: 1 − Σ (weight − fitted)² / Σ weight² of each filter; 0 for a filter of zeros. The sum of
            squares is about 0, not about the mean: what a filter says to even brightness is part of it.
        parameters: what describes the members, by name, one row a filter.
        fitted: the members themselves.
    """

    r2: Float64[Tensor, " units"]
    parameters: Mapping[str, Float64[Tensor, "units ..."]]
    fitted: Float64[Tensor, "units channels height width"]


class FilterModel(ABC):
    """A family of filters.

    Attributes:
        word: what a filter is called that is fitted by it.
    """

    word: str

    @abstractmethod
    def free(self, channels: int, height: int, width: int) -> int:
        """How many free parameters a filter of this shape is fitted with."""

    @abstractmethod
    def fit(self, weights: Float64[Tensor, "units channels height width"]) -> Fit:
        """The nearest member for each filter."""


def share_explained(
    weights: Float64[Tensor, "units channels height width"],
    fitted: Float64[Tensor, "units channels height width"],
) -> Float64[Tensor, " units"]:
    """R² about 0; 0 for a filter of zeros.

    >>> ones = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    >>> share_explained(ones, ones / 2).item()
    0.75
    """
    total = weights.square().flatten(1).sum(1)
    left = (weights - fitted).square().flatten(1).sum(1)
    return (1 - left / total).where(total > 0, 0.0)
