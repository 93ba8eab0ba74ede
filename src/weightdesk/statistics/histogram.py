"""Histograms with the same bins for every tensor, so that they merge exactly.

A bin is a sign and a power of two. Its code is a whole number that grows with the values in it:

| code | values |
| --- | --- |
| `c` > 1 | from 2^(c−128) up to, not including, 2^(c−127) |
| 1 | above 0, below 2^−126 (the denormals of a float32) |
| −1, −c | the same, negative |

Exact zeros, NaN and infinities lie in no bin: they are counted on their own. Values of a float64
beyond what a float32 can hold lie in the outermost bin of their sign.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from weightdesk.errors import OptionError

_BINS_OF_A_SIGN: Final = 256

_ASCENDING: Final = np.r_[2 * _BINS_OF_A_SIGN - 1 : _BINS_OF_A_SIGN - 1 : -1, :_BINS_OF_A_SIGN]
"""Places of a dense histogram in the order of their values: the negative ones lie behind, from 0 down."""
_CODES: Final = np.r_[1 : _BINS_OF_A_SIGN + 1, -1 : -_BINS_OF_A_SIGN - 1 : -1].astype(np.int16)
"""The code of each place of a dense histogram."""


@dataclass(frozen=True)
class Quantile:
    """An estimate with its bounds: the true value lies between low and high, both included."""

    value: float
    low: float
    high: float


def bin_of(values: Float[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Code of the bin of each finite value that is not zero; the definition, written for reading.

    >>> bin_of(np.array([1.0, 1.99, 2.0, -0.5])).tolist()
    [128, 128, 129, -127]
    """
    _, exponent = np.frexp(np.abs(values))  # |x| = m·2^exponent with 1/2 ≤ m < 1
    code = np.clip(exponent - 1 + 128, 1, 255)
    signed: Int[np.ndarray, " n"] = np.where(values < 0, -code, code).astype(np.int64)
    return signed


def bin_edges(code: int) -> tuple[float, float]:
    """Bounds of a bin: the lower and the upper end of the values in it.

    >>> bin_edges(128)
    (1.0, 2.0)
    >>> bin_edges(-127)
    (-1.0, -0.5)
    """
    magnitude = abs(code)
    low = 2.0 ** (magnitude - 128) if magnitude > 1 else 0.0
    high = 2.0 ** (magnitude - 127) if magnitude < 255 else np.finfo(np.float64).max
    return (low, float(high)) if code > 0 else (-float(high), -low)


def sparse(
    histograms: Int[np.ndarray, "t 512"],
) -> tuple[Int[np.ndarray, " nonzero"], Int[np.ndarray, " nonzero"], Int[np.ndarray, " t+1"]]:
    """Leave out the empty bins of many histograms.

    Returns:
        codes and counts of the bins that are not empty, ascending within each histogram, and the
        offsets at which the histograms begin; the last offset is the length.

    >>> dense = np.zeros((1, 512), np.int64)
    >>> dense[0, 127] = 3      # positive values from 1 to 2
    >>> [part.tolist() for part in sparse(dense)]
    [[128], [3], [0, 1]]

    """
    # few bins are used by any of many histograms: only these are looked at one by one
    used = _ASCENDING[histograms.sum(axis=0)[_ASCENDING] > 0]
    narrow = histograms[:, used]
    rows, places = np.nonzero(narrow)
    offsets = np.searchsorted(rows, np.arange(len(histograms) + 1))
    return _CODES[used[places]], narrow[rows, places], offsets.astype(np.int32)


def quantile(q: float, histogram: dict[int, int], zeros: int, low: float, high: float) -> Quantile:
    """Estimate a quantile from a histogram.

    Within a bin the values are taken to be spread evenly. The error is at most the width of the
    bin: a factor of two, less where the least or the greatest value cuts the bin short.

    Arguments:
        q: from 0 to 1. The value asked for is the one of rank ⌈q·n⌉, as NumPy's `inverted_cdf`.
        histogram: counts by code, as in `Statistics.histogram`.
        zeros: number of exact zeros.
        low, high: least and greatest value.

    >>> quantile(0.5, {128: 2, 129: 1}, zeros=0, low=1.0, high=2.5)
    Quantile(value=1.75, low=1.0, high=2.0)

    """
    if not 0.0 <= q <= 1.0:
        raise OptionError(f"a quantile lies between 0 and 1, got {q}")
    groups = sorted({**histogram, 0: zeros}.items())
    total = sum(count for _, count in groups)
    if total == 0:
        return Quantile(float("nan"), float("nan"), float("nan"))
    rank = max(1, int(np.ceil(q * total)))
    ends = list(accumulate(count for _, count in groups))
    place = bisect_left(ends, rank)
    code, count = groups[place]
    passed = ends[place] - count
    left, right = (0.0, 0.0) if code == 0 else bin_edges(code)
    left, right = max(left, low), min(right, high)
    return Quantile(left + (right - left) * (rank - passed - 0.5) / count, left, right)
