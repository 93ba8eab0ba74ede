"""How strongly all examples excite a unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

QUANTILES: Final = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_BINS: Final = 32


@dataclass(frozen=True, eq=False)
class Distribution:
    """Of each unit's largest values in the examples: quantiles, and a histogram between the extremes.

    Attributes:
        quantiles: at `QUANTILES`, the smallest and the largest among them.
        counts: examples in each of equally wide bins from the smallest value to the largest.
    """

    quantiles: Float[Tensor, "units quantiles"]
    counts: Int64[Tensor, "units bins"]


def distribution(values: Float[Tensor, "units examples"]) -> Distribution:
    """The distribution of one number an example, exactly.

    >>> found = distribution(torch.arange(101.0).view(1, -1))
    >>> found.quantiles.tolist()
    [[0.0, 5.0, 25.0, 50.0, 75.0, 95.0, 100.0]]
    >>> int(found.counts.sum())
    101
    """
    numbers = values.detach().cpu()
    quantiles = torch.from_numpy(np.quantile(numbers.numpy(), QUANTILES, axis=1).T.copy()).to(values.dtype)
    low, high = numbers.amin(1, keepdim=True), numbers.amax(1, keepdim=True)
    share = (numbers - low) / (high - low).where(high > low, torch.ones(()))
    bins = (share * _BINS).long().clamp(max=_BINS - 1)
    counts = torch.zeros(len(values), _BINS, dtype=torch.int64)
    return Distribution(quantiles, counts.scatter_add_(1, bins, torch.ones_like(bins)))
