"""Arrow columns from NumPy arrays, by their memory.

`pyarrow.array` and `Table.from_pylist` would do the same, but import pandas wherever it is installed:
half a second in the middle of somebody's training.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def numbers(values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """A column of numbers; where `valid` is false it is null.

    >>> numbers(np.array([1.0, 2.0]), np.array([True, False])).to_pylist()
    [1.0, None]
    """
    bitmap = None if valid is None else _bits(valid)
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(np.ascontiguousarray(values))])


def words(places: npt.NDArray[np.int32], vocabulary: Sequence[str]) -> pa.Array:
    """A dictionary column: each row is the word at its place in the vocabulary.

    >>> words(np.array([1, 0, 1], np.int32), ["bias", "weight"]).to_pylist()
    ['weight', 'bias', 'weight']
    """
    encoded = [word.encode() for word in vocabulary]
    buffers = [None, _ends(map(len, encoded)), pa.py_buffer(b"".join(encoded))]
    texts = pa.Array.from_buffers(pa.string(), len(encoded), buffers)
    return pa.DictionaryArray.from_arrays(numbers(places), texts)


def lists(offsets: npt.NDArray[np.int32], values: npt.NDArray[np.generic]) -> pa.Array:
    """A column of lists: row `i` holds the values from `offsets[i]` up to `offsets[i + 1]`.

    >>> lists(np.array([0, 2, 3], np.int32), np.array([7, 8, 9])).to_pylist()
    [[7, 8], [9]]
    """
    return pa.ListArray.from_arrays(numbers(offsets), numbers(values))


def column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """A column of Python values, or of lists and arrays of numbers; where one is None it is null.

    >>> column([[1, 2], None, np.array([3.0])], pa.list_(pa.float32())).to_pylist()
    [[1.0, 2.0], None, [3.0]]
    >>> column([True, None, False], pa.bool_()).to_pylist(), column(["a", None], pa.string()).to_pylist()
    ([True, None, False], ['a', None])
    """
    valid = np.array([value is not None for value in values], np.bool_)
    bitmap = None if valid.all() else _bits(valid)
    if pa.types.is_list(kind):
        dtype = kind.value_type.to_pandas_dtype()
        pieces = [np.asarray([] if value is None else value, dtype) for value in values]
        content = numbers(np.concatenate([np.zeros(0, dtype), *pieces]))
        return pa.Array.from_buffers(kind, len(values), [bitmap, _ends(map(len, pieces))], children=[content])
    if pa.types.is_string(kind):
        texts = [b"" if value is None else value.encode() for value in values]
        buffers = [bitmap, _ends(map(len, texts)), pa.py_buffer(b"".join(texts))]
        return pa.Array.from_buffers(kind, len(values), buffers)
    if pa.types.is_boolean(kind):
        truths = _bits(np.array([bool(value) for value in values], np.bool_))
        return pa.Array.from_buffers(kind, len(values), [bitmap, truths])
    filled = np.array([0 if value is None else value for value in values], kind.to_pandas_dtype())
    return numbers(filled, None if bitmap is None else valid)


def _bits(truths: npt.NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(truths, bitorder="little"))


def _ends(lengths: Iterable[int]) -> pa.Buffer:
    """Where each value of a column of texts or lists begins and the last one ends."""
    return pa.py_buffer(np.array([0, *accumulate(lengths)], np.int32))
