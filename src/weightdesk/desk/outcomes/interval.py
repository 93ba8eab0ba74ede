"""Between which bounds a number of the whole probe set lies, when only some of its examples were seen.

The examples seen are drawn at random without replacement, so the uncertainty shrinks with the share
that is left to see, and is gone when all were seen.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Float
from torch import Tensor

LEVEL: Final = 0.95
"""How often an interval holds the number of the whole set."""


class Interval(NamedTuple):
    """Bounds of a number."""

    low: float
    high: float


def mean_interval(
    amounts: Float[Tensor, " seen"], weights: Float[Tensor, " seen"], count: int
) -> Interval | None:
    """Bounds of Σ amounts / Σ weights over all examples, by Student's t corrected for skewness.

    A ratio, since examples may count differently, as those with more tokens do; its spread is that of
    its linear part (Cochran 1977, "Sampling techniques", section 6.4). Losses are skewed: few examples
    bring most of the sum, and while none of them was seen, mean and spread are both too small. With
    Student's t alone, 64 examples of a good classifier's losses gave bounds that held in 84 % of the
    draws, with the correction in 95 % and more. Where single examples far from the rest feign skewness
    the correction alone is too close, so of the two the bound farther out is taken at either end; and
    the heavier the tails, the fewer degrees of freedom the spread has. From 64 examples on, bounds held
    in 94 to 100 % of the draws for all kinds of losses and changes tried, sparse ones of either sign too.

    Arguments:
        amounts: of each example seen, at least one.
        weights: what each of them counts.
        count: number of examples of the whole set.

    Returns:
        The bounds; None where nothing is known of the spread: fewer than two examples, all alike, or
        numbers that are not finite.

    >>> import torch
    >>> low, high = mean_interval(torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.ones(4), 1000)
    >>> round(low, 2), round(high, 2)
    (0.45, 4.55)
    """
    ratio, parts = _linear_parts(amounts, weights)
    if len(amounts) >= count:
        return Interval(ratio, ratio)
    error = _standard_error(parts, count)
    if not error or not math.isfinite(error):
        return None
    skewness, kurtosis = (float(parts.pow(k).mean() / parts.square().mean() ** (k / 2)) for k in (3, 4))
    # A spread that a few examples make is known less well than from as many as were seen.
    freedom = min(len(parts) - 1, 2 * len(parts) / max(kurtosis - 1, 1.0))
    reach = t_quantile(0.5 + LEVEL / 2, freedom)
    high, low = (_unskewed(each, skewness, len(parts), count) for each in (-reach, reach))
    return Interval(ratio - error * max(low, reach), ratio - error * min(high, -reach))


def share_interval(hits: Float[Tensor, " seen"], weights: Float[Tensor, " seen"], count: int) -> Interval:
    """Bounds of a share, Σ hits / Σ weights, by Wilson's score: they keep a width where all or none hit.

    Tokens of one example are no independent draws; the number of draws is that whose spread would be
    the one seen between examples (Korn & Graubard 1998, "Confidence intervals for proportions with
    small expected number of positive counts estimated from survey data").

    >>> import torch
    >>> low, high = share_interval(torch.ones(64), torch.ones(64), 1000)
    >>> round(low, 3), round(high, 3)
    (0.946, 1.0)
    """
    share, parts = _linear_parts(hits, weights)
    left = 1 - len(hits) / count
    if left <= 0:
        return Interval(share, share)
    error = _standard_error(parts, count)
    draws = share * (1 - share) * left / error**2 if error > 0 else float(len(hits))
    return _countable(_wilson(share, draws / left), float(weights.mean()) * count)


def change_interval(
    now: Float[Tensor, " seen"], before: Float[Tensor, " seen"], weights: Float[Tensor, " seen"], count: int
) -> Interval:
    """Bounds of the change of a share between two states, from what was gained and lost example by example.

    Gained and lost have a share and Wilson bounds each; they are joined as by Newcombe 1998, "Improved
    confidence intervals for the difference between binomial proportions based on paired data".

    >>> import torch
    >>> low, high = change_interval(torch.ones(64), torch.ones(64), torch.ones(64), 1000)
    >>> round(low, 3), round(high, 3)
    (-0.054, 0.054)
    """
    gained, lost = (now - before).clamp(min=0), (before - now).clamp(min=0)
    up, down = (float(each.sum() / weights.sum()) for each in (gained, lost))
    more, less = (share_interval(each, weights, count) for each in (gained, lost))
    low = math.hypot(up - more.low, less.high - down)
    high = math.hypot(more.high - up, down - less.low)
    return _countable(Interval(up - down - low, up - down + high), float(weights.mean()) * count)


def t_quantile(probability: float, freedom: float) -> float:
    """A quantile of Student's t, by its expansion about the normal one.

    Source: Abramowitz & Stegun 1964, "Handbook of mathematical functions", 26.7.5; good to
    three digits from 3 degrees of freedom. At a probability of 0.975 it falls short by a hundredth for 2
    and by a tenth for 1.

    >>> round(t_quantile(0.975, 10), 3), round(t_quantile(0.975, 63), 3)
    (2.228, 1.998)
    """
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))


def _linear_parts(amounts: Tensor, weights: Tensor) -> tuple[float, Tensor]:
    """A ratio, and how far each example pulls it from its mean."""
    ratio = amounts.sum() / weights.sum()
    return float(ratio), (amounts - ratio * weights) / weights.mean()


def _standard_error(parts: Tensor, count: int) -> float:
    """Of their mean; nan for a single example."""
    seen = len(parts)
    if seen < 2:
        return math.nan
    return math.sqrt(max(0.0, 1 - seen / count) * float(parts.square().sum()) / (seen - 1) / seen)


def _unskewed(quantile: float, skewness: float, seen: int, count: int) -> float:
    """A quantile of the mean over its standard error, where what is averaged is skewed.

    By the monotone transformation of Hall 1992, "On the removal of skewness by transformation". His two
    coefficients are for draws from an infinite population; here the third cumulant of the mean is
    (1 − 2f) / √(1 − f) times as large when a share f of the population is drawn, and the covariance of
    mean and variance 1 − f times.
    """
    drawn = seen / count
    scale = skewness / 6 / math.sqrt((1 - drawn) * seen)
    bend, shift = scale * (2 - drawn), scale * (1 - 2 * drawn)
    if not bend:
        return quantile
    return (float(np.cbrt(1 + 3 * bend * (quantile - shift))) - 1) / bend


def _countable(bounds: Interval, whole: float) -> Interval:
    """Wider bounds at shares that a whole number of hits makes: when few are left to see it matters."""
    low, high = math.floor(bounds.low * whole + 1e-9), math.ceil(bounds.high * whole - 1e-9)
    return Interval(low / whole, high / whole)


def _wilson(share: float, draws: float) -> Interval:
    z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
    middle = (share + z * z / (2 * draws)) / (1 + z * z / draws)
    reach = z * math.sqrt(share * (1 - share) / draws + (z / (2 * draws)) ** 2) / (1 + z * z / draws)
    return Interval(max(0.0, middle - reach), min(1.0, middle + reach))
