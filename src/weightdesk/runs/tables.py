"""Tables of a run, read from their parts, also while another process writes and merges them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from weightdesk.errors import RunFormatError
from weightdesk.runs.parts import Part, list_parts, open_part
from weightdesk.runs.rows import concatenate
from weightdesk.runs.stores import Store

Where: TypeAlias = Mapping[str, str | int]
"""Columns with the one value that a row must have in them."""

_ATTEMPTS: Final = 20


def read_parts(
    store: Store,
    folder: str,
    schema: pa.Schema,
    *,
    columns: Sequence[str] | None = None,
    where: Where | None = None,
) -> pa.Table:
    """Read a table once; see `PartReader.read`.

    >>> from weightdesk.runs.stores import open_store
    >>> schema = pa.schema([("step", pa.int64())])
    >>> read_parts(open_store("memory://nothing"), "metrics", schema).num_rows
    0
    """
    return PartReader(store, folder).read(schema, columns=columns, where=where)


class PartReader:
    """Reads the table of one folder again and again; remembers the footers of its parts.

    Args:
        store: where the run lies.
        folder: `metrics`, `statistics`, `sampled` or `passes`.
        sharded: whether a row may be a part of one even if a single rank has recorded so far.

    >>> from weightdesk.runs.parts import PartWriter
    >>> from weightdesk.runs.stores import open_store
    >>> store = open_store("memory://reader")
    >>> _ = PartWriter(store, "metrics").append(pa.table({"step": [0, 1], "loss": [0.7, 0.5]}))
    >>> schema = pa.schema([("step", pa.int64())])
    >>> PartReader(store, "metrics").read(schema, where={"step": 1}).to_pylist()
    [{'step': 1, 'loss': 0.5}]
    """

    def __init__(self, store: Store, folder: str, *, sharded: bool = False) -> None:
        self._store, self._folder, self._sharded = store, folder, sharded
        self._footers: dict[str, pq.FileMetaData] = {}

    def read(
        self, schema: pa.Schema, *, columns: Sequence[str] | None = None, where: Where | None = None
    ) -> pa.Table:
        """The rows of all parts, in no particular order.

        Args:
            schema: the columns that the table has in any case; others follow by first appearance.
            columns: names of the wanted columns; all where left out.
            where: keeps only rows with these values, and skips all row groups without them.

        Raises:
            RunFormatError: a part is damaged.
        """
        if columns is not None:
            schema = pa.schema([schema.field(name) for name in columns if name in schema.names])
        tables: dict[Part, pa.Table] = {}  # a part never changes, so it is read once whatever happens
        for _ in range(_ATTEMPTS):
            parts = list_parts(self._store, self._folder)
            try:
                for part in parts:
                    if part not in tables:
                        tables[part] = self._rows(part, columns, where or {})
            except FileNotFoundError:
                continue  # the writer merged this part after it was listed
            listed = {part.name for part in parts}  # another thread may read, too, and list other parts
            self._footers = {name: each for name, each in [*self._footers.items()] if name in listed}
            return concatenate([schema.empty_table(), *(tables[part] for part in parts)])
        raise RunFormatError(f"the parts in {self._store.location}/{self._folder} vanish while they are read")

    def is_sharded(self) -> bool:
        """Whether several ranks recorded, each its own part of every row."""
        return self._sharded or any(part.rank for part in list_parts(self._store, self._folder))

    def last_step(self) -> int | None:
        """The highest step in the table, from the footers alone."""
        for _ in range(_ATTEMPTS):
            try:
                latest = {part.rank: part for part in list_parts(self._store, self._folder)}
                return max(map(self._highest_step, latest.values()), default=None)
            except FileNotFoundError:
                continue
        return None

    def _highest_step(self, part: Part) -> int:
        with self._open(part) as (_, footer):
            bounds = (footer.bounds("step", group) for group in range(footer.metadata.num_row_groups))
            return max((bound[1] for bound in bounds if bound), default=0)

    def _rows(self, part: Part, columns: Sequence[str] | None, where: Where) -> pa.Table:
        with self._open(part) as (file, footer):
            present = file.schema_arrow.names
            wanted = present if columns is None else [name for name in columns if name in present]
            table = file.read_row_groups(
                footer.groups(where), columns=[*{*wanted, *where}], use_threads=False
            )
        if where:
            fits = [_equals(table.column(name), value) for name, value in where.items()]
            table = table.filter(reduce(pc.and_, fits))
        return table.select(wanted)

    @contextmanager
    def _open(self, part: Part) -> Iterator[tuple[pq.ParquetFile, _Footer]]:
        footer = self._footers.get(part.name)
        with open_part(self._store, part.name, footer and footer.metadata) as file:
            footer = footer or _Footer(file.metadata)
            self._footers[part.name] = footer
            yield file, footer


def _equals(column: pa.ChunkedArray, value: str | int) -> pa.ChunkedArray:
    if not pa.types.is_dictionary(column.type):
        return pc.equal(column, value)
    # Compares codes: pyarrow itself would first write out the name of every row.
    fits = [pc.equal(each.indices, pc.index(each.dictionary, value)) for each in column.chunks]
    return pa.chunked_array(fits, pa.bool_())


class _Footer:
    """A part's footer, with the extremes of its row groups by column as far as they were asked for."""

    def __init__(self, metadata: pq.FileMetaData) -> None:
        self.metadata = metadata
        paths = (metadata.schema.column(place).path for place in range(metadata.num_columns))
        self._places = {path: place for place, path in enumerate(paths)}
        self._bounds: dict[tuple[str, int], tuple[Any, Any] | None] = {}

    def bounds(self, column: str, group: int) -> tuple[Any, Any] | None:
        """Lowest and highest value of the column in the row group; None where that is unknown."""
        key = column, group
        if key not in self._bounds:
            found = self.metadata.row_group(group).column(self._places[column]).statistics
            self._bounds[key] = (found.min, found.max) if found and found.has_min_max else None
        return self._bounds[key]

    def groups(self, where: Where) -> list[int]:
        """Row groups that may hold rows with these values."""
        found = list(range(self.metadata.num_row_groups))
        for column, value in where.items():
            found = [g for g in found if (b := self.bounds(column, g)) is None or b[0] <= value <= b[1]]
        return found
