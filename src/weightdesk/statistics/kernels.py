"""One read of a tensor gives all of its statistics: the compiled part.

What the kernels must do, and how:

- **One pass over memory.** A tensor is read in blocks that stay in the first-level cache; 16-bit
  values and differences are written to such a block first. Memory is touched once.
- **The same bits whatever the number of threads.** Work is cut into chunks of fixed size; each
  chunk leaves its own partial result, and partial results are merged in the order of the chunks.
  What is done to a block is in `blocks.py`.

float64 takes the same way with its own bit fields; bfloat16 and float16 are widened block by block.
Everything here works on raw addresses: the caller keeps the tensors alive.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import carray, njit

from weightdesk.statistics.addresses import COMPILED, next_ticket, pointer
from weightdesk.statistics.blocks import (
    add_all,
    add_finite,
    describe_singles,
    fold,
    has_new_nonfinite,
    merge,
)
from weightdesk.statistics.halves import decode_half, widen_bfloat16, widen_float16
from weightdesk.statistics.layout import (
    ABS_SUM,
    ADDRESSES,
    BEFORES,
    BFLOAT16,
    BINS,
    BLOCK,
    CHUNK_COUNT,
    CHUNKS,
    COUNT,
    DOUBLES,
    DTYPES,
    FIELDS,
    FLOAT32,
    FLOAT64,
    HISTOGRAMS,
    LANES,
    M2,
    MAX,
    MEAN,
    MIN,
    NEXT_CHUNK,
    NEXT_WORKER,
    NONFINITE,
    PLAN,
    ROWS,
    SCRATCH,
    SCRATCHES,
    SEEN,
    SIGN_FLIPS,
    SINGLES,
    TABLE_LENGTH,
    TENSORS,
    WORKERS,
    ZEROS,
)  # fmt: skip


@njit(**COMPILED)
def _widen(kind, address, start, length, unsigned):
    """Write a block of 16-bit values as float32."""
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
    blocks, sums, extremes = scratch
    spare = blocks[0], blocks[0].view(np.int32), blocks[0].view(np.uint32)
    is_single = kind == FLOAT32
    values = carray(pointer(address), (stop if is_single else 0,), np.float32)
    others = carray(pointer(before), (stop if is_single and before else 0,), np.float32)
    for first in range(start, stop, BLOCK):
        length = min(BLOCK, stop - first)
        if is_single:
            block = values[first : first + length]
        else:
            block = blocks[1][:length]
            _widen(kind, address, first, length, block.view(np.uint32))
        if before:
            if is_single:
                other = others[first : first + length]
            else:
                other = blocks[2][:length]
                _widen(kind, before, first, length, other.view(np.uint32))
            difference = blocks[3][:length]
            row[SIGN_FLIPS] += _subtract(block, other, difference)
            block = difference
        views = block, block.view(np.int32), block.view(np.uint32)
        describe_singles(views, (spare, sums, extremes), tables, seen, row)


@njit(**COMPILED)
def _double_chunk(address, before, start, stop, scratch, tables, seen, row):
    """Describe elements start to stop of a float64 tensor."""
    values = carray(pointer(address), (stop,), np.float64)
    others = carray(pointer(before), (stop if before else 0,), np.float64)
    spare = scratch[0], scratch[0].view(np.int64), scratch[0].view(np.uint64)
    sign = np.uint64(1) << np.uint64(63)
    for first in range(start, stop, BLOCK):
        length = min(BLOCK, stop - first)
        block = values[first : first + length]
        if before:
            row[SIGN_FLIPS] += _subtract(block, others[first : first + length], scratch[1][:length])
            block = scratch[1][:length]
        views = block, block.view(np.int64), block.view(np.uint64)
        for i in range(length):
            tables[_float32_bin(views[2][i])] += np.uint32(1)
        if has_new_nonfinite(views[2], sign, tables, seen):
            add_finite(views, spare, sign, row)
        else:
            add_all(views, spare, sign, row)


@njit(**COMPILED)
def _float32_bin(word):
    """Bin of a float64: its sign and its exponent, clamped to what a float32 can hold."""
    exponent = np.int64((word >> np.uint64(52)) & np.uint64(0x7FF))
    exponent = 255 if exponent == 0x7FF else min(max(exponent - 1023 + 127, 0), 254)
    return (np.int64(word >> np.uint64(63)) << 8) | exponent


@njit(**COMPILED)
def _clear(row):
    for field in range(FIELDS):
        row[field] = 0.0
    row[MIN], row[MAX] = np.inf, -np.inf


def describe_chunks(plan_address):
    """Do a thread's part of a plan: describe chunks until none is left, one row of statistics each.

    Addresses, befores and dtypes have one entry a tensor: where its elements lie, where those lie
    that are to be subtracted first (0 = none), and one of the four kinds. A chunk is (tensor, first
    element, element after the last). Rows are written a chunk, histograms added up a tensor; each
    thread has histograms and scratch of its own, tables and counters in it zero at the start.
    """
    plan = carray(pointer(plan_address), (PLAN,), np.int64)
    worker = next_ticket(plan_address + 8 * NEXT_WORKER)
    if worker >= plan[WORKERS]:
        return
    tensors, count = plan[TENSORS], plan[CHUNK_COUNT]
    addresses = carray(pointer(plan[ADDRESSES]), (tensors,), np.uint64)
    befores = carray(pointer(plan[BEFORES]), (tensors,), np.uint64)
    kinds = carray(pointer(plan[DTYPES]), (tensors,), np.int8)
    chunks = carray(pointer(plan[CHUNKS]), (count, 3), np.int64)
    rows = carray(pointer(plan[ROWS]), (count, FIELDS), np.float64)
    own = plan[HISTOGRAMS] + 8 * worker * tensors * BINS
    histograms = carray(pointer(own), (tensors, BINS), np.int64)
    scratch = plan[SCRATCHES] + 8 * worker * SCRATCH
    doubles = carray(pointer(scratch), (DOUBLES, BLOCK), np.float64)
    scratch += 8 * DOUBLES * BLOCK
    sums = carray(pointer(scratch), (3 * LANES,), np.float64)
    scratch += 8 * 3 * LANES
    seen = carray(pointer(scratch), (SEEN,), np.int64)
    scratch += 8 * SEEN
    blocks = carray(pointer(scratch), (SINGLES, BLOCK), np.float32)
    scratch += 4 * SINGLES * BLOCK
    extremes = carray(pointer(scratch), (3 * LANES,), np.int32)
    tables = carray(pointer(scratch + 4 * 3 * LANES), (TABLE_LENGTH,), np.uint32)
    chunk = next_ticket(plan_address + 8 * NEXT_CHUNK)
    while chunk < count:
        tensor, start, stop = chunks[chunk, 0], chunks[chunk, 1], chunks[chunk, 2]
        row = rows[chunk]
        _clear(row)
        address, before, kind = addresses[tensor], befores[tensor], kinds[tensor]
        if kind == FLOAT64:
            _double_chunk(address, before, start, stop, doubles, tables, seen, row)
        else:
            _single_chunk(kind, address, before, start, stop, (blocks, sums, extremes), tables, seen, row)
        fold(tables, seen, histograms[tensor], row)
        chunk = next_ticket(plan_address + 8 * NEXT_CHUNK)


def merge_chunks(chunks, count, rows, totals, tensors):
    """Merge the rows of chunks, in their order, into one row a tensor."""
    chunks = carray(pointer(chunks), (count, 3), np.int64)
    rows = carray(pointer(rows), (count, FIELDS), np.float64)
    totals = carray(pointer(totals), (tensors, FIELDS), np.float64)
    for tensor in range(totals.shape[0]):
        _clear(totals[tensor])
    for chunk in range(chunks.shape[0]):
        row, total = rows[chunk], totals[chunks[chunk, 0]]
        merge(total, row[COUNT], row[MEAN], row[M2], row[ABS_SUM], row[MIN], row[MAX])
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
