"""Arrow columns from NumPy arrays, by their memory.

`pyarrow.array` would do the same, but imports pandas wherever it is installed: half a second in
the middle of somebody's training.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def numbers(values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """A column of numbers; where `valid` is false it is null.

    >>> numbers(np.array([1.0, 2.0]), np.array([True, False])).to_pylist()
    [1.0, None]
    """
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(np.ascontiguousarray(values))])


def words(places: npt.NDArray[np.int32], vocabulary: Sequence[str]) -> pa.Array:
    """A dictionary column: each row is the word at its place in the vocabulary.

    >>> words(np.array([1, 0, 1], np.int32), ["bias", "weight"]).to_pylist()
    ['weight', 'bias', 'weight']
    """
    encoded = [word.encode() for word in vocabulary]
    ends = np.array([0, *accumulate(map(len, encoded))], np.int32)
    texts = pa.Array.from_buffers(
        pa.string(), len(encoded), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    )
    return pa.DictionaryArray.from_arrays(numbers(places), texts)


def lists(offsets: npt.NDArray[np.int32], values: npt.NDArray[np.generic]) -> pa.Array:
    """A column of lists: row `i` holds the values from `offsets[i]` up to `offsets[i + 1]`.

    >>> lists(np.array([0, 2, 3], np.int32), np.array([7, 8, 9])).to_pylist()
    [[7, 8], [9]]
    """
    return pa.ListArray.from_arrays(numbers(offsets), numbers(values))
