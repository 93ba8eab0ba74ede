"""Some examples for all: those that moved most, and some of the others drawn at random.

What is averaged is small where a curve through a few exact points already says what an example does. The
examples that move most are all taken, for few of them bring most of the sum; of the others some are drawn
without replacement, and the spread between these says how far their mean may be from that of all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from weightdesk.desk.outcomes.interval import LEVEL, t_quantile

_CERTAIN: Final = 0.5
_UNSEEN: Final = 3.0  # of n draws, none: with 95 % there are fewer than 3/n of them


@dataclass(frozen=True, eq=False)
class Sample:
    """Some examples.

    Attributes:
        examples: their numbers, sorted.
        drawn: which of them were drawn at random; the others were taken for sure.
        count: number of all examples.
        largest: how far an example that was not taken for sure moves at most at the exact points.
    """

    examples: Int64[Tensor, " sample"]
    drawn: Tensor
    count: int
    largest: float

    def mean(self, parts: Float64[Tensor, "... sample"]) -> tuple[Float64[Tensor, ...], Float64[Tensor, ...]]:
        """The mean over all examples, and how far off it is at most 95 of 100 times.

        With Student's t, for as many degrees of freedom as a spread that few examples make has, and farther
        out by what their skewness moves the quantiles of the mean (Johnson 1978, "Modified t tests and
        confidence intervals for asymmetrical populations").

        >>> sample = Sample(torch.arange(4), torch.tensor([False, True, True, True]), 5, 9.0)
        >>> mean, error = sample.mean(torch.tensor([10.0, 1.0, 2.0, 3.0]).double())
        >>> float(mean), round(float(error), 2)
        (3.6, 0.73)
        """
        others = self.count - int((~self.drawn).sum())
        seen = parts[..., self.drawn]
        total = parts[..., ~self.drawn].sum(-1) + others * seen.mean(-1)
        return total / self.count, others / self.count * self._reach(seen, others)

    def _reach(self, seen: Tensor, others: int) -> Tensor:
        size = seen.shape[-1]
        if size >= others:
            return torch.zeros(seen.shape[:-1], dtype=torch.float64)
        off = (seen - seen.mean(-1, keepdim=True)).numpy()
        second = (off**2).mean(-1)
        with np.errstate(all="ignore"):
            third, fourth = ((off**power).mean(-1) / second ** (power / 2) for power in (3, 4))
        error = np.sqrt(second / (size - 1) * (1 - size / others))
        freedom = np.minimum(size - 1, 2 * size / np.maximum(np.nan_to_num(fourth) - 1, 1.0))
        quantile = np.array([_quantile(max(int(free), 3)) for free in freedom.flat]).reshape(freedom.shape)
        skewed = np.abs(np.nan_to_num(third)) / (6 * math.sqrt(size)) * (2 * quantile**2 + 1)
        unseen = min(1.0, _UNSEEN / size) * self.largest
        return torch.from_numpy(np.where(second > 0, error * (quantile + skewed), unseen))


@cache
def _quantile(freedom: int) -> float:
    return t_quantile(0.5 + LEVEL / 2, freedom)


def draw(moves: Float64[Tensor, " examples"], size: int, seed: int) -> Sample:
    """A sample of so many examples.

    Arguments:
        moves: how far each example moves at the exact points.
        size: how many to take, at least 4 and fewer than there are.
        seed: of those that are drawn.

    >>> found = draw(torch.tensor([0.0, 9.0, 1.0, 8.0, 0.5, 0.25]).double(), 4, 0)
    >>> found.examples[~found.drawn]
    tensor([1, 3])
    """
    order = moves.argsort(descending=True, stable=True)
    certain = int(_CERTAIN * size)
    rest = order[certain:]
    generator = torch.Generator().manual_seed(seed)
    drawn = rest[torch.randperm(len(rest), generator=generator)[: size - certain]]
    chosen, place = torch.cat([order[:certain], drawn]).sort()
    return Sample(chosen, place >= certain, len(moves), float(moves[rest].max()))
