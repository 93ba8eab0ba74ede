"""The mean over seeds with its interval, and whether two settings differ by more than seeds do."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Final

_LEVEL: Final = 0.95
_EXACT: Final = 14  # seeds up to which all flips of signs are tried
_DRAWN: Final = 20_000
_ROUNDING: Final = 1e-9  # of the largest difference: sums that are equal but for rounding are equal


@dataclass(frozen=True)
class Interval:
    """A mean with Student's 95 % interval.

    Attributes:
        mean: not a number where there are no values.
        low, high: not a number for fewer than two values.
        count: how many values there are.
    """

    mean: float
    low: float
    high: float
    count: int


def interval(values: Sequence[float]) -> Interval:
    """The mean of values and the 95 % interval by Student's t.

    >>> found = interval([1.0, 2.0, 3.0])
    >>> round(found.low, 3), found.mean, round(found.high, 3)
    (-0.484, 2.0, 4.484)
    """
    from scipy.special import stdtrit  # type: ignore[import-untyped]  # takes long to load

    if len(values) < 2:
        return Interval(values[0] if values else math.nan, math.nan, math.nan, len(values))
    mean = fmean(values)
    if not math.isfinite(mean):
        return Interval(mean, math.nan, math.nan, len(values))
    reach = float(stdtrit(len(values) - 1, (1 + _LEVEL) / 2)) * stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - reach, mean + reach, len(values))


@dataclass(frozen=True)
class Paired:
    """The difference of two settings, seed by seed.

    Attributes:
        difference: mean over seeds of the first less the second, with its interval.
        p_t: two-sided, by the paired t-test; where all differences are one and the same number there is
            nothing to measure their noise by, and `p_flips` stands here, too; not a number for a single seed.
        p_flips: two-sided, the share of all ways to flip the signs of the differences that make their mean
            at least as large; it assumes no shape of the noise, and with n seeds is 2 / 2ⁿ at best.
    """

    difference: Interval
    p_t: float
    p_flips: float


def paired(first: Sequence[float], second: Sequence[float]) -> Paired:
    """Compare two settings that were trained with the same seeds.

    Arguments:
        first: one value a seed.
        second: of the same seeds, in the same order.

    Sources: Student 1908; Fisher 1935 for flipping signs: all 2ⁿ flips up to 14 seeds, else 20,000 of them.

    >>> found = paired([0.9, 0.8, 0.95, 0.9], [0.5, 0.45, 0.5, 0.52])
    >>> round(found.difference.mean, 3), found.p_t < 0.001, found.p_flips
    (0.395, True, 0.125)
    """
    from scipy.special import stdtr  # takes long to load

    differences = [one - other for one, other in zip(first, second, strict=True)]
    found = interval(differences)
    if len(differences) < 2 or not math.isfinite(found.mean):
        return Paired(found, math.nan, math.nan)
    spread, p_flips = stdev(differences) / math.sqrt(len(differences)), _flipped(differences)
    if spread <= _ROUNDING * abs(found.mean):
        return Paired(found, p_flips, p_flips)
    return Paired(found, 2 * float(stdtr(len(differences) - 1, -abs(found.mean) / spread)), p_flips)


def _flipped(differences: Sequence[float]) -> float:
    reached = abs(sum(differences)) - _ROUNDING * max(map(abs, differences))
    count = len(differences)
    if count <= _EXACT:
        flips = itertools.product((1, -1), repeat=count)
        sums = [abs(sum(map(float.__mul__, map(float, signs), differences))) for signs in flips]
        return sum(each >= reached for each in sums) / len(sums)
    draw = random.Random(0)  # noqa: S311 (a permutation test, no secret)
    hits = sum(
        abs(sum(each * draw.choice((1, -1)) for each in differences)) >= reached for _ in range(_DRAWN)
    )
    return (hits + 1) / (_DRAWN + 1)


def holm(values: Sequence[float]) -> list[float]:
    """P-values made larger for being several, so that one of them by chance is as unlikely as each alone.

    Source: Holm 1979. What is not a number stays so and does not count.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    known = sorted((value, place) for place, value in enumerate(values) if not math.isnan(value))
    adjusted, floor = list(values), 0.0
    for rank, (value, place) in enumerate(known):
        floor = max(floor, min(1.0, value * (len(known) - rank)))
        adjusted[place] = floor
    return adjusted
