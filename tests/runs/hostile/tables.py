"""What may be wrong with a Parquet file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hostile.values import change_bytes

TYPES = (
    *(pa.int8(), pa.int32(), pa.int64(), pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.bool_()),
    *(pa.string(), pa.large_string(), pa.binary(), pa.date32(), pa.timestamp("us"), pa.decimal128(9, 2)),
    *(
        pa.list_(pa.int64()),
        pa.list_(pa.float32()),
        pa.list_(pa.string()),
        pa.dictionary(pa.int8(), pa.string()),
    ),
    *(pa.struct([("a", pa.int64())]), pa.null(), pa.list_(pa.list_(pa.int64()))),
)
NUMBERS = (0, 1, -1, 3, 2**31, 2**62, -(2**62))
NAMES = ("step", "time", "", "a.b", "loss.list.element", "step (2)", "x" * 300, "\x1b[31m", "parameter")
TEXTS = ("", "x", "weight", "fc.weight", "no such", "\x1b[31m", "x" * 100_000, "[]", "[" * 5000, '{"a": 1}')

MANY_ROWS = 100_000
"""To draw for each of more rows takes longer than a reader may take, which would be told of the reader."""


def change_table(file: Path, random: Random) -> None:
    """Change the bytes of a file, or write it anew with other columns, rows or settings."""
    if random.randrange(2):
        file.write_bytes(change_bytes(file.read_bytes(), random))
        return
    table = pq.read_table(file)
    for _ in range(random.choice((1, 1, 2))):
        table = random.choice(CHANGES)(table, random)
    settings: dict[str, Any] = {
        # Packed: a file that is large itself may take much memory.
        "compression": random.choice(("none", "zstd", "snappy", "gzip"))
        if table.nbytes < 1 << 24
        else "zstd",
        "use_dictionary": random.choice((True, False)),
        "data_page_version": random.choice(("1.0", "2.0")),
        "row_group_size": random.choice((1, 3, 1_000_000)) if table.num_rows < 60 else 1_000_000,
        "write_statistics": random.choice((True, False)),
        "store_schema": random.choice((True, False)),
    }
    try:
        pq.write_table(table, file, **settings)
    except (pa.ArrowException, OSError):  # no such file can exist
        file.write_bytes(b"PAR1")


def _retype(table: pa.Table, random: Random) -> pa.Table:
    if not table.num_columns:
        return table
    place = random.randrange(table.num_columns)
    column, kind = table.column(place), random.choice(TYPES)
    try:
        return table.set_column(place, table.column_names[place], column.cast(kind))
    except (pa.ArrowException, TypeError):
        return table.set_column(place, table.column_names[place], pa.nulls(table.num_rows, kind))


def _refill(table: pa.Table, random: Random) -> pa.Table:
    if not table.num_columns or table.num_rows > MANY_ROWS:
        return table
    place = random.randrange(table.num_columns)
    kind = table.schema.field(place).type
    value: Any = None
    if pa.types.is_integer(kind):
        value = random.choice(NUMBERS)
    elif pa.types.is_floating(kind):
        value = random.choice((0.0, -1.0, 1e308, float("nan"), float("inf"), None))
    elif pa.types.is_list(kind):
        value = random.choice(([], None, [0], [None], [1] * 1000))
    elif pa.types.is_string(kind) or pa.types.is_dictionary(kind):
        kind, value = pa.string(), random.choice((*TEXTS, None))
    rows = [value if random.randrange(2) else given.as_py() for given in table.column(place)]
    try:
        return table.set_column(place, table.column_names[place], pa.array(rows, kind))
    except (pa.ArrowException, OverflowError):
        return table


def _rename(table: pa.Table, random: Random) -> pa.Table:
    names = list(table.column_names)
    if names:
        names[random.randrange(len(names))] = random.choice(NAMES)
    return table.rename_columns(names)


def _drop(table: pa.Table, random: Random) -> pa.Table:
    return table.remove_column(random.randrange(table.num_columns)) if table.num_columns > 1 else table


def _double(table: pa.Table, random: Random) -> pa.Table:
    place = random.randrange(table.num_columns)
    return table.append_column(table.schema.field(place), table.column(place))


def _reorder(table: pa.Table, random: Random) -> pa.Table:
    if table.num_rows > MANY_ROWS:
        return table
    order = random.sample(range(table.num_columns), table.num_columns)
    return table.select(order).take(random.sample(range(table.num_rows), table.num_rows))


def _repeat(table: pa.Table, random: Random) -> pa.Table:
    return pa.concat_tables([table] * random.choice((0, 2, 3)) or [table.slice(0, 0)])


def _inflate(table: pa.Table, random: Random) -> pa.Table:
    """Rows without end, which take no place on disk."""
    rows = random.choice((1_000_000, 8_000_000)) if random.randrange(40) == 0 else 2_000
    first = table.slice(0, 1)
    if not first.num_rows or rows * table.nbytes // max(1, table.num_rows) > 200_000_000:
        return table
    return first.take(np.zeros(rows, np.int64))


def _lengthen_lists(table: pa.Table, random: Random) -> pa.Table:
    """One list that is longer than all tables together."""
    lists = [place for place, kind in enumerate(table.schema.types) if pa.types.is_list(kind)]
    if not lists or not table.num_rows:
        return table
    place = random.choice(lists)
    kind = table.schema.field(place).type.value_type
    items = pa.array(np.zeros(1_000_000 if random.randrange(20) == 0 else 1_000, np.int8)).cast(kind)
    offsets = pa.array([0] + [len(items)] * table.num_rows, pa.int32())
    return table.set_column(place, table.column_names[place], pa.ListArray.from_arrays(offsets, items))


CHANGES: tuple[Callable[[pa.Table, Random], pa.Table], ...] = (
    *(_retype, _retype, _retype, _refill, _refill, _refill, _rename, _rename),
    *(_drop, _double, _reorder, _repeat, _inflate, _lengthen_lists),
)
