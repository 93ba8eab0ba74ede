"""How the kernels and those who call them lay out numbers in memory."""

from __future__ import annotations

from typing import Final

BLOCK: Final = 2048
"""Elements that are looked at together: they stay in the first-level cache."""

CHUNK: Final = 32 * BLOCK
"""Elements that one thread does at a time; fixed, so that results do not depend on the threads."""

BINS: Final = 512
"""Bins of a histogram: the sign and the exponent field of a float32, see `histogram.py`."""

FLOAT32, FLOAT64, BFLOAT16, FLOAT16 = range(4)

COUNT, NONFINITE, ZEROS, MEAN, M2, ABS_SUM, MIN, MAX, SIGN_FLIPS, FIELDS = range(10)
"""Columns of a row of partial statistics. COUNT is of finite values; M2 sums (x − mean)²."""

TABLES: Final = 8
STRIDE: Final = BINS + 16
"""A table of counts is a little longer than its bins: with a power of two, the same bin of all
tables would fall into the same set of the cache."""

TABLE_LENGTH: Final = TABLES * STRIDE
SEEN: Final = 4
"""Counters beside the tables."""

SINGLES, DOUBLES = 4, 2
"""Blocks of float32 and of float64 in which values are widened and subtracted."""

LANES: Final = 16
"""Values that are summed side by side, each into sums of its own; fixed, and with it every rounding."""

SCRATCH: Final = DOUBLES * BLOCK + 3 * LANES + SEEN + (SINGLES * BLOCK + 3 * LANES + TABLE_LENGTH) // 2
"""Working memory of a thread, in eight-byte words; see `kernels.describe_chunks`."""

(
    ADDRESSES, BEFORES, DTYPES, TENSORS, CHUNKS, CHUNK_COUNT, ROWS,
    HISTOGRAMS, SCRATCHES, WORKERS, NEXT_WORKER, NEXT_CHUNK, PLAN,
) = range(13)  # fmt: skip
"""Words of a plan, which tells the threads of a team what to measure and where to leave it."""
