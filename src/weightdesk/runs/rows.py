"""Rows of Arrow tables, put together and put in order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from weightdesk.runs.arrowvalues import list_lengths, numbers, places


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
    return table.take(places(order))


def rows_of_rounds(table: pa.Table, stride: int, together: int = 1) -> pa.Table:
    """The rows of every k-th round of steps.

    Args:
        table: with a column `step`.
        stride: k.
        together: steps of a round.

    >>> rows_of_rounds(pa.table({"step": [0, 1, 2, 3, 4]}), stride=2).column("step").to_pylist()
    [0, 2, 4]
    """
    if stride == 1:
        return table
    wanted = sort_codes(table.column("step")) // together % stride == 0
    return table.take(places(np.flatnonzero(wanted)))


def histogram_entries(
    table: pa.Table,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row, bin and count of every entry of the histograms in a table of statistics.

    >>> table = pa.table({"histogram_bin": [[3, 5], None], "histogram_count": [[1, 2], None]})
    >>> [array.tolist() for array in histogram_entries(table)]
    [[0, 0], [3, 5], [1, 2]]
    """
    bins, counts = (table.column(name).combine_chunks() for name in ("histogram_bin", "histogram_count"))
    rows = np.repeat(np.arange(table.num_rows), list_lengths(bins))
    return rows, numbers(pc.list_flatten(bins)), numbers(pc.list_flatten(counts))


def sort_codes(column: pa.ChunkedArray) -> npt.NDArray[np.generic]:
    """Numbers in the same order as the column's values: integers themselves, ranks for names."""
    if not pa.types.is_dictionary(column.type):
        return numbers(column)
    array = column.unify_dictionaries().combine_chunks()
    names = np.asarray(array.dictionary.to_pylist(), dtype=object)
    ranks = np.empty(len(names), np.int64)
    ranks[np.argsort(names)] = np.arange(len(names))
    return np.asarray(ranks[numbers(array.indices)])
