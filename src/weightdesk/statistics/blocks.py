"""Statistics of one block of values, added to a row: the compiled part that looks at numbers.

- **Exact counts.** The histogram counts the top nine bits of a float32, sign and exponent. What it
  found tells whether the block holds NaN, infinities or zeros at all; the slow loops that deal
  with these run only then.
- **Accurate moments.** Sums are float64 and taken around the block's first element. Whatever that
  element is, the cancellation is at most as large as the block is long, and a constant tensor gets
  a variance of exactly zero. Blocks are merged by the pairwise formula of Chan, Golub and LeVeque,
  "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979).
- **Loops run over indices.** Numba does not vectorise a loop over an array's elements; the same loop
  over indices is seven times faster (measured for the moments).

Extremes are found among bit patterns. As signed integers, non-negative floats keep their order; as
unsigned ones, negative floats reverse theirs and lie above all others; and integer extremes
vectorise, which those of floats do not.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from weightdesk.statistics.addresses import COMPILED
from weightdesk.statistics.lanes import bins_and_moments
from weightdesk.statistics.layout import (
    ABS_SUM,
    BINS,
    COUNT,
    LANES,
    M2,
    MAX,
    MEAN,
    MIN,
    NONFINITE,
    STRIDE,
    TABLES,
    ZEROS,
)  # fmt: skip

_ONE: Final = np.uint32(1)
_SIGN: Final = np.uint32(0x80000000)

# Sums may be taken in any order, so that they can be vectorised; NaN and infinities keep their meaning.
_reordered: Final[dict[str, Any]] = {**COMPILED, "fastmath": {"reassoc", "nsz", "contract"}}


@njit(**COMPILED)
def describe_singles(views, scratch, tables, seen, row):
    """Count a block of float32 values and add its statistics to a row.

    `views` are the same values as floats, signed and unsigned integers; `scratch` has spare values of
    the same three kinds, then the lanes' sums and extremes. `seen` holds what the chunk had counted
    before: non-finite values, values in the lowest bins, positive and negative zeros.
    """
    values, _, unsigned = views
    spare, sums, extremes = scratch
    groups = values.size // LANES
    whole = groups * LANES
    centre = np.float64(values[0])
    if groups:
        bins_and_moments(
            values.ctypes.data, groups, centre, tables.ctypes.data, sums.ctypes.data, extremes.ctypes.data
        )
    for i in range(whole, values.size):
        tables[unsigned[i] >> np.uint32(23)] += _ONE
    if has_new_nonfinite(unsigned, _SIGN, tables, seen):
        add_finite(views, spare, _SIGN, row)
        return
    if groups:
        _merge_lanes(sums, extremes, whole, centre, spare, row)
    if whole < values.size:
        rest = views[0][whole:], views[1][whole:], views[2][whole:]
        _merge_moments(rest, spare, _SIGN, row)


@njit(**COMPILED)
def has_new_nonfinite(unsigned, sign, tables, seen):
    """Account for a block that is counted already: find its zeros, and whether all of it is finite."""
    lowest = _in_tables(tables, 0)
    if lowest != seen[1]:
        seen[1] = lowest
        for i in range(unsigned.size):
            seen[2] += unsigned[i] == 0
            seen[3] += unsigned[i] == sign
    nonfinite = _in_tables(tables, 255)
    found = nonfinite != seen[0]
    seen[0] = nonfinite
    return found


@njit(**COMPILED)
def add_finite(views, spare, sign, row):
    """Add the finite values of a block to a row."""
    values, kept = views[0], 0
    for i in range(values.size):
        if np.isfinite(values[i]):
            spare[0][kept] = values[i]
            kept += 1
    if kept:
        _merge_moments((spare[0][:kept], spare[1][:kept], spare[2][:kept]), spare, sign, row)


@njit(**COMPILED)
def add_all(views, spare, sign, row):
    """Add a block without NaN and infinities to a row."""
    _merge_moments(views, spare, sign, row)


@njit(**COMPILED)
def _in_tables(tables, position):
    total = np.int64(0)
    for table in range(TABLES):
        total += tables[table * STRIDE + position] + tables[table * STRIDE + position + 256]
    return total


@njit(**COMPILED)
def _merge_lanes(sums, extremes, count, centre, spare, row):
    total = squares = magnitudes = 0.0
    words, unsigned = extremes, extremes.view(np.uint32)
    greatest, upmost, lowest = words[0], unsigned[LANES], unsigned[2 * LANES]
    for i in range(LANES):
        total += sums[i]
        squares += sums[LANES + i]
        magnitudes += sums[2 * LANES + i]
        greatest = max(greatest, words[i])
        upmost = max(upmost, unsigned[LANES + i])
        lowest = min(lowest, unsigned[2 * LANES + i])
    _merge_sums((total, squares, magnitudes), (greatest, upmost, lowest), count, centre, spare, _SIGN, row)


@njit(**_reordered)
def _merge_moments(views, spare, sign, row):
    values, words, unsigned = views
    centre = np.float64(values[0])
    total = squares = magnitudes = 0.0
    greatest, upmost, lowest = words[0], unsigned[0], unsigned[0]
    for i in range(values.size):
        wide = np.float64(values[i])
        magnitudes += abs(wide)
        deviation = wide - centre
        total += deviation
        squares += deviation * deviation
        greatest = max(greatest, words[i])
        upmost = max(upmost, unsigned[i])
        lowest = min(lowest, unsigned[i])
    sums, extremes = (total, squares, magnitudes), (greatest, upmost, lowest)
    _merge_sums(sums, extremes, values.size, centre, spare, sign, row)


@njit(**COMPILED)
def _merge_sums(sums, extremes, count, centre, spare, sign, row):
    total, squares, magnitudes = sums
    greatest, upmost, lowest = extremes
    # With no negative value the least is the lowest; with no other, the greatest is.
    spare[2][0] = upmost if upmost >= sign else lowest  # bits become floats again
    spare[2][1] = lowest
    if greatest >= 0:
        spare[1][1] = greatest
    shift = total / count
    low, high = np.float64(spare[0][0]), np.float64(spare[0][1])
    merge(row, count, centre + shift, max(squares - total * shift, 0.0), magnitudes, low, high)


@njit(**COMPILED)
def merge(row, count, mean, m2, magnitudes, low, high):
    """Add a group of finite values to a row."""
    if count == 0:
        return
    if row[COUNT] == 0:
        row[COUNT], row[MEAN], row[M2] = count, mean, m2
    else:
        together = row[COUNT] + count
        delta = mean - row[MEAN]
        row[MEAN] += delta * (count / together)
        row[M2] += m2 + delta * delta * (row[COUNT] * count / together)
        row[COUNT] = together
    row[ABS_SUM] += magnitudes
    row[MIN] = min(row[MIN], low)
    row[MAX] = max(row[MAX], high)


@njit(**COMPILED)
def fold(tables, seen, histogram, row):
    """Empty the tables into a tensor's histogram, less what is no magnitude: zeros, NaN, infinities."""
    for position in range(BINS):
        total = np.int64(0)
        for table in range(TABLES):
            total += tables[table * STRIDE + position]
        histogram[position] += total
    histogram[0] -= seen[2]
    histogram[256] -= seen[3]
    histogram[255] = histogram[511] = 0
    row[NONFINITE] += seen[0]
    row[ZEROS] += seen[2] + seen[3]
    for i in range(tables.size):
        tables[i] = 0
    for i in range(seen.size):
        seen[i] = 0
