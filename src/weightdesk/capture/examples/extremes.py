"""The examples that excite units most, kept while batches go by."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Extremes:
    """For each unit some examples in order, each with the place of the map where it was.

    Attributes:
        values: what the unit gave there.
        examples: number of the example.
        places: number of the place, row by row.
    """

    values: Float[Tensor, "units count"]
    examples: Int64[Tensor, "units count"]
    places: Int64[Tensor, "units count"]

    def largest(self, count: int) -> Extremes:
        """The first of them by value; of equal ones those that came first.

        >>> values, places = torch.tensor([[1.0, 3.0, 3.0]]), torch.zeros(1, 3).long()
        >>> Extremes(values, torch.tensor([[4, 5, 6]]), places).largest(2).examples.tolist()
        [[5, 6]]
        """
        order = self.values.argsort(dim=1, descending=True, stable=True)[:, :count]
        return Extremes(*(each.gather(1, order) for each in (self.values, self.examples, self.places)))

    def with_more(self, other: Extremes) -> Extremes:
        """These, and others behind them."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in ("values", "examples", "places"))
        return Extremes(*(torch.cat(pair, dim=1) for pair in pairs))

    def turned(self) -> Extremes:
        """The same with the signs of the values turned."""
        return Extremes(-self.values, self.examples, self.places)


def peaks(values: Float[Tensor, "examples units places"], first: int) -> Extremes:
    """Where each unit is largest in each example of a batch; the first place where several are equal.

    Arguments:
        values: what the units gave.
        first: number of the batch's first example.

    >>> peaks(torch.tensor([[[0.0, 2.0, 1.0]]]), first=7).places.tolist()
    [[1]]
    """
    largest, places = values.max(2)
    numbers = torch.arange(first, first + len(values), device=values.device).expand(values.shape[1], -1)
    return Extremes(largest.T, numbers, places.T)
