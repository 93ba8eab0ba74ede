"""Columns of a run's tables as the format has them, whatever another program or an earlier release wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from weightdesk.runs.arrowvalues import list_lengths, numbers, presence
from weightdesk.runs.footer import Footer
from weightdesk.runs.format import MAX_STEP, TableFormat

_HIGHEST: Final = {"step": MAX_STEP, "index": 1 << 62}
"""Key columns of integers, which count from zero, and how far."""

_EXPANDED: Final = 1 << 28
"""Bytes of texts that repeat themselves: a dictionary of a kilobyte may stand for terabytes."""


def column_names(schema: pa.Schema, layout: TableFormat) -> list[str]:
    """Names of the columns that readers use, in the file's order, each once.

    The first of several columns with one name keeps it; the others get a number. Columns that the format
    does not know are left out, except in a table that is open to columns of the user's own.

    Raises:
        ValueError: a column is missing, there twice, or of a type that does not fit.

    >>> from weightdesk.runs.format import TABLES
    >>> schema = pa.schema([("step", pa.int32()), ("loss", pa.float32()), ("step", pa.float64())])
    >>> column_names(schema, TABLES["metrics"])
    ['step', 'loss', 'step (2)']
    """
    if missing := [name for name in layout.order if name not in schema.names]:
        raise ValueError(f"it has no column {missing[0]}")
    for pair in (*layout.paired, *layout.matrices):
        if len(missing := [name for name in pair if name not in schema.names]) == 1:
            raise ValueError(f"it has no column {missing[0]}, which belongs to another one")
    names = _unique(schema.names)
    if names != schema.names and not layout.open_ended:
        raise ValueError("two of its columns have the same name")
    used = []
    for name, field in zip(names, schema, strict=True):
        expected = _expected(name, layout)
        if expected is None:
            continue
        if not _fits(field.type, expected):
            raise ValueError(f"its column {name!r} holds {field.type}, expected {expected}")
        used.append(name)
    return used


def conform(table: pa.Table, layout: TableFormat) -> pa.Table:
    """The table with columns of the format's types.

    Arguments:
        table: with some of the columns that `column_names` gives, under these names.
        layout: of the table.

    Raises:
        ValueError: a value does not fit, such as no step at all or a negative one.
    """
    columns = []
    for name in table.column_names:
        column = _cast(table.column(name), _expected(name, layout))
        if name in layout.order:
            _check_keys(name, column)
        if pa.types.is_list(column.type) and column.num_chunks:
            _check_items(name, column)
        columns.append(column)
    conformed = pa.table(columns, names=table.column_names)
    _check_lists(conformed, layout)
    return conformed


def unpacked_size(layout: TableFormat, footer: Footer, groups: Sequence[int], names: Sequence[str]) -> int:
    """Bytes of memory that columns of some row groups take, by what the footer says of them.

    Raises:
        ValueError: the footer does not say.
    """
    rows = sum(footer.rows[group] for group in groups)
    total, has_texts = 0, False
    for name in names:
        expected: Any = _expected(name, layout)
        if pa.types.is_list(expected):
            values = sum(footer.values(name, group) for group in groups)
            total += 4 * rows + _width(expected.value_type) * values
        elif pa.types.is_string(expected):
            total += 4 * rows  # the texts themselves are in the pages
        else:
            total += _width(expected) * rows
        has_texts = has_texts or pa.types.is_string(expected) or pa.types.is_dictionary(expected)
    return total + (sum(footer.unpacked[group] for group in groups) if has_texts else 0)


def _unique(names: Sequence[str]) -> list[str]:
    unique: list[str] = []
    for name in names:
        number, chosen = 1, name
        while chosen in unique:
            number += 1
            chosen = f"{name} ({number})"
        unique.append(chosen)
    return unique


def _expected(name: str, layout: TableFormat) -> pa.DataType | None:
    if name in layout.schema.names:
        return layout.schema.field(name).type
    return pa.float64() if layout.open_ended else None


def _fits(given: pa.DataType, expected: pa.DataType) -> bool:
    types = pa.types
    if types.is_null(given):
        return True
    if types.is_dictionary(expected) or types.is_string(expected):
        text = given.value_type if types.is_dictionary(given) else given
        return bool(types.is_string(text) or types.is_large_string(text))
    if types.is_list(expected):
        is_list = types.is_list(given) or types.is_large_list(given)
        return is_list and _fits(given.value_type, expected.value_type)
    if types.is_boolean(expected):
        return bool(types.is_boolean(given))
    return bool(types.is_integer(given) or (types.is_floating(expected) and types.is_floating(given)))


def _cast(column: pa.ChunkedArray, expected: pa.DataType) -> pa.ChunkedArray:
    for chunk in column.chunks if pa.types.is_dictionary(column.type) else ():
        chunk.validate(full=True)  # indices within the dictionary; names in UTF-8, or Python cannot show them
    if column.type == expected:
        if pa.types.is_string(expected):
            column.validate(full=True)
        return column
    if pa.types.is_dictionary(column.type):
        _check_expansion(column)
        column = column.cast(column.type.value_type)
    if pa.types.is_dictionary(expected):
        return column.cast(expected.value_type).dictionary_encode()
    # Whole numbers beyond 2⁵³ lose digits as a metric, which is no damage.
    return column.cast(expected, safe=not pa.types.is_floating(expected))


def _check_expansion(column: pa.ChunkedArray) -> None:
    lengths = (pc.sum(pc.take(pc.binary_length(chunk.dictionary), chunk.indices)) for chunk in column.chunks)
    if sum(length.as_py() or 0 for length in lengths) > _EXPANDED:
        raise ValueError(f"its texts have more than {_EXPANDED:,} bytes when they are unpacked")


def _check_keys(name: str, column: pa.ChunkedArray) -> None:
    if column.null_count:
        raise ValueError(f"its column {name} has rows without a value")
    if name in _HIGHEST and len(column):
        ends = pc.min_max(column).as_py()
        if ends["min"] < 0 or ends["max"] > _HIGHEST[name]:
            raise ValueError(f"its column {name} reaches from {ends['min']} to {ends['max']}")


def _check_items(name: str, column: pa.ChunkedArray) -> None:
    if pc.list_flatten(column).null_count:
        raise ValueError(f"the lists of its column {name} have gaps")


def _check_lists(table: pa.Table, layout: TableFormat) -> None:
    """Check that columns of lists which belong together do."""
    for first, second in layout.paired:
        is_there = {first, second} <= set(table.column_names)
        if is_there and not np.array_equal(
            list_lengths(table.column(first)), list_lengths(table.column(second))
        ):
            raise ValueError(f"the lists of its columns {first} and {second} differ in length")
    for matrix, width in layout.matrices:
        if {matrix, width} <= set(table.column_names):
            _check_matrices(table, matrix, width)


def _check_matrices(table: pa.Table, matrix: str, width: str) -> None:
    lengths, widths = list_lengths(table.column(matrix)), _or_zero(table.column(width))
    rows = lengths // np.maximum(widths, 1)
    # A width of 0 or none goes with an empty list; 0 × rows is 0 only then.
    if not np.array_equal(rows * widths, lengths):
        raise ValueError(f"the lists of its column {matrix} are no matrices of the width in {width}")


def _or_zero(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    return np.where(presence(column), numbers(column), 0).astype(np.int64)


def _width(kind: pa.DataType) -> int:
    return 4 if pa.types.is_dictionary(kind) else -(-int(kind.bit_width) // 8)
