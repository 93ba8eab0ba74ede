"""How sure a score is, and what it would be by chance: resampled examples and permuted labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

ENDS: Final = (0.025, 0.975)
"""The quantiles between which the middle 95 % lie."""

_NORMAL: Final = 1.959963984540054  # of which 95 % lie within, for the standard normal distribution


@dataclass(frozen=True)
class Estimate:
    """A score measured on some examples, with its 95 % interval over other examples of the same kind.

    Attributes:
        value: the score; not a number where it cannot be told.
        low: lower end of the interval.
        high: upper end.
    """

    value: float
    low: float
    high: float


def bootstrap(examples: int, count: int, seed: int) -> Float64[Tensor, "count examples"]:
    """How often each example is drawn in each resample (Efron 1979); a row sums to `examples`.

    >>> bootstrap(5, 3, seed=0).sum(1)
    tensor([5., 5., 5.], dtype=torch.float64)
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(examples, (count, examples), generator=generator)
    ones = torch.ones(count, examples, dtype=torch.float64)
    return torch.zeros_like(ones).scatter_add_(1, drawn, ones)


def halves(examples: int, count: int, seed: int) -> Bool[Tensor, "count examples"]:
    """Random halves of the examples, drawn without putting back.

    A score on half of the examples scatters around the score on all of them as that scatters around
    the score on very many (delete-half jackknife; Shao and Wu 1989). Unlike in a bootstrap no example
    is there twice, which would count as a pair that is perfectly alike.

    >>> halves(5, 3, seed=0).sum(1)
    tensor([2, 2, 2])
    """
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, examples, generator=generator).argsort(1).argsort(1) < examples // 2


def permutations(examples: int, count: int, seed: int) -> list[Int64[Tensor, " examples"]]:
    """Random orders of the examples.

    >>> [len(each) for each in permutations(4, 2, seed=0)]
    [4, 4]
    """
    generator = torch.Generator().manual_seed(seed)
    return [torch.randperm(examples, generator=generator) for _ in range(count)]


def spread(value: float, resampled: Float[Tensor, " count"]) -> Estimate:
    """The middle 95 % of resampled scores, moved so that their mean lies on the score of all examples.

    Moved, as resampled scores are off by the bias of fewer, or repeated, examples.

    >>> round(spread(1.0, torch.tensor([2.0, 3.0, 4.0])).low, 6)
    0.05
    """
    around = resampled.double() - resampled.double().mean() + value
    low, high = torch.quantile(around, torch.tensor(ENDS).double()).tolist()
    return Estimate(value, low, high)


def share(hits: int, of: int) -> Estimate:
    """A share with its 95 % score interval (Wilson 1927), which has a width at 0 and 1, too.

    Arguments:
        hits: how many.
        of: out of how many; of none the share is not a number.

    >>> round(share(10, 10).low, 3), share(10, 10).high
    (0.722, 1.0)
    """
    if not of:
        return Estimate(math.nan, math.nan, math.nan)
    value, square = hits / of, _NORMAL**2
    centre = (value + square / (2 * of)) / (1 + square / of)
    width = _NORMAL * math.sqrt(value * (1 - value) / of + square / (4 * of**2)) / (1 + square / of)
    # The ends are 0 for no hit and 1 for nothing but hits; rounding would leave the share outside.
    return Estimate(value, min(value, max(0.0, centre - width)), max(value, min(1.0, centre + width)))


def accuracy(right: Float64[Tensor, " examples"]) -> Estimate:
    """The share of examples that are right, with Wilson's interval; those without a truth do not count.

    >>> accuracy(torch.tensor([1.0, 0.0, torch.nan, 1.0]).double()).value
    0.6666666666666666
    """
    told = right[~right.isnan()]
    return share(int(told.sum()), len(told))
