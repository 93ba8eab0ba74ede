"""Values of Arrow columns as NumPy arrays and back, by their memory.

`to_numpy`, `pyarrow.array`, `pyarrow.scalar` and an empty table of a schema would do the same, but import
pandas wherever it is installed: half a second in the middle of a training that is checked while it runs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def numbers(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[Any]:
    """The numbers of a column in its own type; those of null rows mean nothing.

    >>> numbers(pa.chunked_array([[1, 2], [3]])).tolist()
    [1, 2, 3]
    """
    empty = np.zeros(0, column.type.to_pandas_dtype())
    return np.concatenate([empty, *(_memory(chunk, empty.dtype) for chunk in _chunks(column))])


def presence(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.bool_]:
    """Which rows of a column have a value.

    >>> presence(pa.chunked_array([[1, None], [3]])).tolist()
    [True, False, True]
    """
    return np.concatenate([np.zeros(0, np.bool_), *map(_presence, _chunks(column))])


def floats(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.float64]:
    """The numbers of a column as float64, NaN where it is null.

    >>> floats(pa.chunked_array([[1, None], [3]])).tolist()
    [1.0, nan, 3.0]
    """
    values = numbers(column).astype(np.float64, copy=False)  # already a copy
    if column.null_count:
        values[~presence(column)] = np.nan
    return values


def list_lengths(column: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.int64]:
    """How many values the list of each row has; 0 if there is no list.

    >>> list_lengths(pa.chunked_array([[[1, 2], None], [[3]]])).tolist()
    [2, 0, 1]
    """
    lengths = pc.list_value_length(column)
    return np.where(presence(lengths), numbers(lengths), 0).astype(np.int64)


def integer(value: int, kind: pa.DataType | None = None) -> pa.Scalar:
    """A number that Arrow's functions compare a column with; int64 if no type is given.

    >>> integer(3).as_py()
    3
    """
    kind = kind or pa.int64()
    memory = pa.py_buffer(np.array([value], kind.to_pandas_dtype()))
    return pa.Array.from_buffers(kind, 1, [None, memory])[0]


def places(rows: npt.NDArray[np.int64]) -> pa.Array:
    """Numbers of rows, as `Table.take` wants them.

    >>> places(np.array([2, 0])).to_pylist()
    [2, 0]
    """
    return pa.Array.from_buffers(pa.int64(), len(rows), [None, pa.py_buffer(np.ascontiguousarray(rows))])


def empty_table(schema: pa.Schema) -> pa.Table:
    """A table without rows.

    >>> empty_table(pa.schema([("step", pa.int64())])).num_rows
    0
    """
    return pa.Table.from_batches([], schema)


def _chunks(column: pa.ChunkedArray | pa.Array) -> list[pa.Array]:
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def _memory(array: pa.Array, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    return np.frombuffer(array.buffers()[1] or b"", dtype, len(array), array.offset * dtype.itemsize)


def _presence(array: pa.Array) -> npt.NDArray[np.bool_]:
    if not array.null_count:
        return np.ones(len(array), np.bool_)
    bits = np.frombuffer(array.buffers()[0], np.uint8)
    return np.unpackbits(bits, count=array.offset + len(array), bitorder="little")[array.offset :].view(
        np.bool_
    )
