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
SINGLES, DOUBLES, SEEN = 4, 2, 4
"""Rows of scratch that the kernels need: float32 blocks, float64 blocks, counters."""
