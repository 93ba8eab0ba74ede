"""The statistics of one tensor: what they are, how two of them become one, how to get them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from torch import Tensor

from weightdesk.errors import OptionError
from weightdesk.statistics import histogram, layout
from weightdesk.statistics.histogram import Quantile
from weightdesk.statistics.measure import KINDS, Measurements, measure

_NAN: Final = float("nan")
_MOMENTS: Final = [layout.MEAN, layout.M2, layout.ABS_SUM, layout.MIN, layout.MAX]


@dataclass(frozen=True)
class Statistics:
    """Statistics of a tensor, mergeable with those of another one.

    NaN and infinities are counted and left out of everything else. Where no finite value was seen,
    the moments are NaN.

    Attributes:
        count: elements, finite or not.
        nonfinite: NaN and infinities among them.
        zeros: elements that are exactly zero.
        mean: of the finite elements.
        squared_deviations: sum over the finite elements of (x − mean)².
        abs_sum: sum of |x| over the finite elements.
        min, max: least and greatest finite element.
        histogram: counts by bin code, see `histogram.py`; empty bins are left out.

    """

    count: int
    nonfinite: int
    zeros: int
    mean: float
    squared_deviations: float
    abs_sum: float
    min: float
    max: float
    histogram: dict[int, int]

    @property
    def finite(self) -> int:
        """Elements that are neither NaN nor infinite."""
        return self.count - self.nonfinite

    @property
    def std(self) -> float:
        """Standard deviation of the population: divided by the count, not by the count minus one."""
        return math.sqrt(self.squared_deviations / self.finite) if self.finite else _NAN

    @property
    def rms(self) -> float:
        """Root of the mean square."""
        return math.hypot(self.mean, self.std) if self.finite else _NAN

    @property
    def abs_mean(self) -> float:
        """Mean magnitude."""
        return self.abs_sum / self.finite if self.finite else _NAN

    @property
    def abs_max(self) -> float:
        """Greatest magnitude."""
        return max(abs(self.min), abs(self.max)) if self.finite else _NAN

    def quantile(self, q: float) -> Quantile:
        """Estimate a quantile; the true one lies within the estimate's bounds.

        >>> describe(torch.arange(1.0, 101.0)).quantile(0.5).low
        32.0
        """
        return histogram.quantile(q, self.histogram, self.zeros, self.min, self.max)

    def merge(self, other: Statistics) -> Statistics:
        """Statistics of both tensors together: exact in counts, bins and extremes, pooled in moments.

        >>> left, right = describe(torch.tensor([1.0, 2.0])), describe(torch.tensor([3.0]))
        >>> left.merge(right).mean
        2.0
        """
        if not (self.finite and other.finite):
            filled = self if self.finite else other
            moments = (filled.mean, filled.squared_deviations, filled.abs_sum, filled.min, filled.max)
        else:
            share = other.finite / (self.finite + other.finite)
            delta = other.mean - self.mean
            moments = (
                self.mean + delta * share,
                self.squared_deviations + other.squared_deviations + delta * delta * self.finite * share,
                self.abs_sum + other.abs_sum,
                min(self.min, other.min),
                max(self.max, other.max),
            )
        codes = sorted(self.histogram | other.histogram)
        return Statistics(
            self.count + other.count,
            self.nonfinite + other.nonfinite,
            self.zeros + other.zeros,
            *moments,
            {code: self.histogram.get(code, 0) + other.histogram.get(code, 0) for code in codes},
        )


def describe(tensor: Tensor) -> Statistics:
    """All statistics of a tensor in a single read.

    Arguments:
        tensor: any shape, also empty or without dimensions; float32, float64, bfloat16 or float16.

    Raises:
        OptionError: the tensor is not of one of these types.

    >>> found = describe(torch.tensor([[3.0, -4.0], [0.0, float("nan")]]))
    >>> found.count, found.nonfinite, found.zeros, found.abs_max
    (4, 1, 1, 4.0)

    """
    if tensor.dtype not in KINDS:
        known = ", ".join(str(dtype).removeprefix("torch.") for dtype in KINDS)
        raise OptionError(f"statistics need a tensor of {known}, got {tensor.dtype}; convert it first")
    return unpack(measure([tensor.cpu()]))[0]


def unpack(measurements: Measurements) -> list[Statistics]:
    """One `Statistics` a tensor."""
    codes, counts, offsets = histogram.sparse(measurements.histograms)
    found = []
    for row, first, last in zip(measurements.totals, offsets[:-1], offsets[1:], strict=True):
        finite, nonfinite, zeros = (
            int(row[field]) for field in (layout.COUNT, layout.NONFINITE, layout.ZEROS)
        )
        mean, m2, abs_sum, low, high = row[_MOMENTS].tolist() if finite else [_NAN] * len(_MOMENTS)
        bins = dict(zip(codes[first:last].tolist(), counts[first:last].tolist(), strict=True))
        found.append(Statistics(finite + nonfinite, nonfinite, zeros, mean, m2, abs_sum, low, high, bins))
    return found
