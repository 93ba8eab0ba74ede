"""One read of a tensor gives all of its statistics: the compiled part.

What the kernels must do, and how:

- **One pass over memory.** A tensor is read in blocks that stay in the first-level cache; the
  histogram, the moments and the extremes of a block are separate loops over it, because each of
  them then compiles to the form that suits it (table look-ups, fused multiply-adds, integer
  maxima). Memory is touched once.
- **The same bits whatever the number of threads.** Work is cut into chunks of fixed size; each
  chunk leaves its own partial result, and partial results are merged in the order of the chunks.
- **Exact counts.** The histogram counts the top nine bits of a float32, sign and exponent, in
  eight tables at once, so that neighbouring equal exponents do not wait for each other. What it
  found tells whether the block holds NaN, infinities or zeros at all; the slow loops that deal
  with these run only then.
- **Loops run over indices.** Numba does not vectorise a loop over an array's elements; the same loop
  over indices is seven times faster (measured for the moments).
- **Accurate moments.** Sums are float64 and taken around the block's first element. Whatever that
  element is, the cancellation is at most as large as the block is long, and a constant tensor gets
  a variance of exactly zero. Blocks are merged by the pairwise formula of Chan, Golub and LeVeque,
  "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979).

float64 takes the same way with its own bit fields; bfloat16 and float16 are widened block by block.
Everything here works on raw addresses: the caller keeps the tensors alive.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import carray, njit

from weightdesk.statistics.addresses import COMPILED, pointer
from weightdesk.statistics.halves import decode_half, widen_bfloat16, widen_float16
from weightdesk.statistics.layout import (
    ABS_SUM,
    BFLOAT16,
    BINS,
    BLOCK,
    COUNT,
    DOUBLES,
    FIELDS,
    FLOAT32,
    FLOAT64,
    M2,
    MAX,
    MEAN,
    MIN,
    NONFINITE,
    SEEN,
    SIGN_FLIPS,
    SINGLES,
    STRIDE,
    TABLE_LENGTH,
    TABLES,
    ZEROS,
)  # fmt: skip

_EXPONENT: Final = np.uint64(23)
_UPPER_EXPONENT: Final = np.uint64(55)
_BIN_MASK: Final = np.uint64(BINS - 1)
_ONE: Final = np.uint32(1)
_SIGN: Final = np.uint32(0x80000000)

# Sums may be taken in any order, so that they can be vectorised; NaN and infinities keep their meaning.
_reordered: Final[dict[str, Any]] = {**COMPILED, "fastmath": {"reassoc", "nsz", "contract"}}


@njit(**COMPILED)
def _count_bins(pairs, tables):
    """Count the top nine bits of float32 values, read two at a time; the length is a multiple of 4."""
    stride = np.uint64(STRIDE)
    for quad in range(pairs.size // 4):
        i = np.uint64(quad) * np.uint64(4)  # an index that cannot be negative needs no comparison
        a, b, c, d = pairs[i], pairs[i + np.uint64(1)], pairs[i + np.uint64(2)], pairs[i + np.uint64(3)]
        tables[(a >> _EXPONENT) & _BIN_MASK] += _ONE
        tables[(a >> _UPPER_EXPONENT) + stride] += _ONE
        tables[((b >> _EXPONENT) & _BIN_MASK) + np.uint64(2) * stride] += _ONE
        tables[(b >> _UPPER_EXPONENT) + np.uint64(3) * stride] += _ONE
        tables[((c >> _EXPONENT) & _BIN_MASK) + np.uint64(4) * stride] += _ONE
        tables[(c >> _UPPER_EXPONENT) + np.uint64(5) * stride] += _ONE
        tables[((d >> _EXPONENT) & _BIN_MASK) + np.uint64(6) * stride] += _ONE
        tables[(d >> _UPPER_EXPONENT) + np.uint64(7) * stride] += _ONE


@njit(**COMPILED)
def _count_bins_singly(bits, tables):
    for i in range(bits.size):
        tables[bits[i] >> np.uint32(23)] += _ONE


@njit(**COMPILED)
def _in_tables(tables, position):
    total = np.int64(0)
    for table in range(TABLES):
        total += tables[table * STRIDE + position] + tables[table * STRIDE + position + 256]
    return total


@njit(**_reordered)
def _moments(views, sign):
    """Mean, sum of squared deviations, sum of magnitudes, least and greatest of finite values.

    The extremes come as bit patterns. As signed integers, non-negative floats keep their order; as
    unsigned ones, negative floats reverse theirs and lie above all others; and integer maxima
    vectorise, which those of floats do not.
    """
    values, words, unsigned = views
    centre = np.float64(values[0])
    total = squares = magnitudes = 0.0
    greatest, least = words[0], unsigned[0]
    for i in range(values.size):
        wide = np.float64(values[i])
        magnitudes += abs(wide)
        deviation = wide - centre
        total += deviation
        squares += deviation * deviation
        greatest = max(greatest, words[i])
        least = max(least, unsigned[i])
    if least < sign:  # no negative value: the least is the least integer
        for i in range(words.size):
            least = min(least, unsigned[i])
    if greatest < 0:  # only negative values: the greatest has the least magnitude
        for i in range(words.size):
            greatest = min(greatest, words[i])
    shift = total / values.size
    return centre + shift, max(squares - total * shift, 0.0), magnitudes, least, greatest


@njit(**COMPILED)
def _merge(row, count, mean, m2, magnitudes, low, high):
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
def _split_off_nonfinite(values, finite):
    kept = 0
    for i in range(values.size):
        if np.isfinite(values[i]):
            finite[kept] = values[i]
            kept += 1
    return kept


@njit(**COMPILED)
def _count_zeros(unsigned, sign):
    positive = negative = np.int64(0)
    for i in range(unsigned.size):
        positive += unsigned[i] == 0
        negative += unsigned[i] == sign
    return positive, negative


@njit(**COMPILED)
def _describe_block(views, spare, sign, tables, seen, row):
    """Add one block, whose bins are already counted in `tables`, to a row.

    `views` are the same values as floats, signed and unsigned integers; `spare` is scratch of the
    same kind. `seen` holds what the chunk had counted before: non-finite values, values in the
    lowest bins, positive and negative zeros.
    """
    lowest = _in_tables(tables, 0)
    if lowest != seen[1]:
        positive, negative = _count_zeros(views[2], sign)
        seen[1] = lowest
        seen[2] += positive
        seen[3] += negative
    nonfinite = _in_tables(tables, 255)
    if nonfinite != seen[0]:
        kept = _split_off_nonfinite(views[0], spare[0])
        views = spare[0][:kept], spare[1][:kept], spare[2][:kept]
        seen[0] = nonfinite
    count = views[0].size
    if count:
        mean, m2, magnitudes, least, greatest = _moments(views, sign)
        spare[2][0], spare[1][1] = least, greatest  # bits become floats again
        _merge(row, count, mean, m2, magnitudes, np.float64(spare[0][0]), np.float64(spare[0][1]))


@njit(**COMPILED)
def _widen(kind, address, start, length, unsigned):
    """Copy a block of 16-bit or unaligned 32-bit values into float32 scratch."""
    if kind == FLOAT32:
        words = carray(pointer(address), (start + length,), np.uint32)[start:]
        for i in range(length):
            unsigned[i] = words[i]
        return
    half = carray(pointer(address), (start + length,), np.uint16)[start:]
    if kind == BFLOAT16:
        widen_bfloat16(half, unsigned)
    else:
        widen_float16(half, unsigned)


@njit(**COMPILED)
def _subtract(after, before, difference):
    """Write after − before and count the values that changed their sign."""
    flips = np.int32(0)
    for i in range(after.size):
        difference[i] = after[i] - before[i]
        flips += np.int32((after[i] > 0) & (before[i] < 0)) + np.int32((after[i] < 0) & (before[i] > 0))
    return flips


@njit(**COMPILED)
def _single_chunk(kind, address, before, start, stop, scratch, tables, seen, row):
    """Describe elements start to stop of a tensor of at most 32 bits an element."""
    direct = kind == FLOAT32 and before == 0 and address % 8 == 0
    base = address if direct else np.uint64(0)
    size = stop if direct else 0
    values = carray(pointer(base), (size,), np.float32)
    words = carray(pointer(base), (size,), np.int32)
    unsigned = carray(pointer(base), (size,), np.uint32)
    pairs = carray(pointer(base), (size // 2,), np.uint64)
    spare = scratch[0], scratch[0].view(np.int32), scratch[0].view(np.uint32)
    wide, other, difference = scratch[1], scratch[2], scratch[3]
    for first in range(start, stop, BLOCK):
        length = min(BLOCK, stop - first)
        if direct:
            last = first + length
            views = values[first:last], words[first:last], unsigned[first:last]
            block_pairs = pairs[first // 2 : last // 2]
        else:
            block = wide
            _widen(kind, address, first, length, wide.view(np.uint32))
            if before:
                block = difference
                _widen(kind, before, first, length, other.view(np.uint32))
                row[SIGN_FLIPS] += _subtract(wide[:length], other[:length], difference)
            views = block[:length], block.view(np.int32)[:length], block.view(np.uint32)[:length]
            block_pairs = block.view(np.uint64)[: length // 2]
        _count_bins(block_pairs[: length // 8 * 4], tables)
        _count_bins_singly(views[2][length // 8 * 8 :], tables)
        _describe_block(views, spare, _SIGN, tables, seen, row)


@njit(**COMPILED)
def _double_chunk(address, before, start, stop, scratch, tables, seen, row):
    """Describe elements start to stop of a float64 tensor."""
    values = carray(pointer(address), (stop,), np.float64)
    others = carray(pointer(before), (stop if before else 0,), np.float64)
    spare = scratch[0], scratch[0].view(np.int64), scratch[0].view(np.uint64)
    wide = scratch[1]
    for first in range(start, stop, BLOCK):
        length = min(BLOCK, stop - first)
        block = values[first : first + length]
        if before:
            row[SIGN_FLIPS] += _subtract(block, others[first : first + length], wide)
        else:
            for i in range(length):
                wide[i] = block[i]
        views = wide[:length], wide.view(np.int64)[:length], wide.view(np.uint64)[:length]
        for i in range(length):
            tables[_float32_bin(views[2][i])] += _ONE
        _describe_block(views, spare, np.uint64(1) << np.uint64(63), tables, seen, row)


@njit(**COMPILED)
def _float32_bin(word):
    """Bin of a float64: its sign and its exponent, clamped to what a float32 can hold."""
    exponent = np.int64((word >> np.uint64(52)) & np.uint64(0x7FF))
    exponent = 255 if exponent == 0x7FF else min(max(exponent - 1023 + 127, 0), 254)
    return (np.int64(word >> np.uint64(63)) << 8) | exponent


@njit(**COMPILED)
def _fold(tables, seen, histogram, row):
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


@njit(**COMPILED)
def _clear(row):
    for field in range(FIELDS):
        row[field] = 0.0
    row[MIN], row[MAX] = np.inf, -np.inf


def describe_chunks(
    addresses, befores, kinds, tensors, chunks, count, rows, histograms, single, double, tables, seen
):
    """Describe `count` chunks of several tensors, one row of partial statistics a chunk.

    addresses, befores and kinds have one entry a tensor: where its elements lie, where those lie
    that are to be subtracted first (0 = none), and one of the four kinds. A chunk is (tensor, first
    element, element after the last). Histograms are added up a tensor, rows are written a chunk, so
    that several threads can share out the chunks with histograms of their own. The rest is scratch,
    tables and seen zero at the start.
    """
    addresses = carray(pointer(addresses), (tensors,), np.uint64)
    befores = carray(pointer(befores), (tensors,), np.uint64)
    kinds = carray(pointer(kinds), (tensors,), np.int8)
    chunks = carray(pointer(chunks), (count, 3), np.int64)
    rows = carray(pointer(rows), (count, FIELDS), np.float64)
    histograms = carray(pointer(histograms), (tensors, BINS), np.int64)
    single = carray(pointer(single), (SINGLES, BLOCK), np.float32)
    double = carray(pointer(double), (DOUBLES, BLOCK), np.float64)
    tables = carray(pointer(tables), (TABLE_LENGTH,), np.uint32)
    seen = carray(pointer(seen), (SEEN,), np.int64)
    for chunk in range(chunks.shape[0]):
        tensor, start, stop = chunks[chunk, 0], chunks[chunk, 1], chunks[chunk, 2]
        row = rows[chunk]
        _clear(row)
        address, before, kind = addresses[tensor], befores[tensor], kinds[tensor]
        if kind == FLOAT64:
            _double_chunk(address, before, start, stop, double, tables, seen, row)
        else:
            _single_chunk(kind, address, before, start, stop, single, tables, seen, row)
        _fold(tables, seen, histograms[tensor], row)


def merge_chunks(chunks, count, rows, totals, tensors):
    """Merge the rows of chunks, in their order, into one row a tensor."""
    chunks = carray(pointer(chunks), (count, 3), np.int64)
    rows = carray(pointer(rows), (count, FIELDS), np.float64)
    totals = carray(pointer(totals), (tensors, FIELDS), np.float64)
    for tensor in range(totals.shape[0]):
        _clear(totals[tensor])
    for chunk in range(chunks.shape[0]):
        row, total = rows[chunk], totals[chunks[chunk, 0]]
        _merge(total, row[COUNT], row[MEAN], row[M2], row[ABS_SUM], row[MIN], row[MAX])
        total[NONFINITE] += row[NONFINITE]
        total[ZEROS] += row[ZEROS]
        total[SIGN_FLIPS] += row[SIGN_FLIPS]


def gather(addresses, kinds, tensors, owners, offsets, values, count):
    """Read `count` single elements; the i-th lies `offsets[i]` elements into tensor `owners[i]`.

    An address of 0 stands for no tensor and reads as NaN.
    """
    addresses = carray(pointer(addresses), (tensors,), np.uint64)
    kinds = carray(pointer(kinds), (tensors,), np.int8)
    owners = carray(pointer(owners), (count,), np.int64)
    offsets = carray(pointer(offsets), (count,), np.int64)
    values = carray(pointer(values), (count,), np.float64)
    for i in range(count):
        address, kind = addresses[owners[i]], kinds[owners[i]]
        element, length = pointer(address), (offsets[i] + 1,)
        if address == 0:
            values[i] = np.nan
        elif kind == FLOAT32:
            values[i] = carray(element, length, np.float32)[offsets[i]]
        elif kind == FLOAT64:
            values[i] = carray(element, length, np.float64)[offsets[i]]
        elif kind == BFLOAT16:
            values[i] = decode_half(carray(element, length, np.uint16)[offsets[i]], 7, 8)
        else:
            values[i] = decode_half(carray(element, length, np.uint16)[offsets[i]], 10, 5)


ENTRY_POINTS: Final = (describe_chunks, merge_chunks, gather)
"""What is called from outside, with addresses and lengths as whole numbers; see `compiled.py`."""
