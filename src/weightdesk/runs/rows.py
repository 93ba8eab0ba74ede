"""Rows of Arrow tables, put together and put in order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def concatenate(tables: Sequence[pa.Table]) -> pa.Table:
    """All rows one after the other; columns in the order of first appearance, null where missing.

    >>> concatenate([pa.table({"step": [1]}), pa.table({"step": [2], "loss": [0.5]})]).to_pylist()
    [{'step': 1, 'loss': None}, {'step': 2, 'loss': 0.5}]
    """
    return pa.concat_tables(tables, promote_options="permissive").unify_dictionaries()


def sort_rows(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """The rows in ascending order of the key columns, names alphabetically; equal ones as they came.

    >>> sort_rows(pa.table({"step": [2, 1], "loss": [0.5, 0.7]}), ["step"]).column("loss").to_pylist()
    [0.7, 0.5]
    """
    if table.num_rows < 2:
        return table
    order = np.lexsort([sort_codes(table.column(key)) for key in reversed(keys)])
    return table.take(order)


def sort_codes(column: pa.ChunkedArray) -> npt.NDArray[np.generic]:
    """Numbers in the same order as the column's values: integers themselves, ranks for names."""
    if not pa.types.is_dictionary(column.type):
        return np.asarray(column.to_numpy())
    array = column.unify_dictionaries().combine_chunks()
    names = np.asarray(array.dictionary.to_pylist(), dtype=object)
    ranks = np.empty(len(names), np.int64)
    ranks[np.argsort(names)] = np.arange(len(names))
    return np.asarray(ranks[array.indices.to_numpy()])
