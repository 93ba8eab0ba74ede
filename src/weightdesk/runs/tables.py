"""Tables of a run, read from their parts, also while another process writes and merges them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from weightdesk.errors import RunFormatError
from weightdesk.runs.arrowvalues import empty_table, integer
from weightdesk.runs.columntypes import column_names, conform, unpacked_size
from weightdesk.runs.footer import Footer
from weightdesk.runs.format import MAX_STEP, TABLES
from weightdesk.runs.parts import Part, list_parts, open_part
from weightdesk.runs.rows import concatenate
from weightdesk.runs.stores import Store

Where: TypeAlias = Mapping[str, str | int]
"""Columns with the one value that a row must have in them."""

_ATTEMPTS: Final = 20

_SMALL: Final = 128 << 20
_RATIO: Final = 100
"""A table takes `_SMALL` bytes of memory at most, or `_RATIO` times its size on disk if that is more. What
a recording writes has a ratio of 5 to 20; a megabyte of Parquet can hold a hundred million rows of zeros."""


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
        self._layout = TABLES[folder]
        self._footers: dict[str, Footer] = {}
        self._columns: dict[str, list[str]] = {}

    def read(
        self, schema: pa.Schema, *, columns: Sequence[str] | None = None, where: Where | None = None
    ) -> pa.Table:
        """The rows of all parts, in no particular order.

        Args:
            schema: the columns that the table has in any case; others follow by first appearance.
            columns: names of the wanted columns; all where left out.
            where: keeps only rows with these values, and skips all row groups without them.

        Raises:
            RunFormatError: a part is damaged, has columns that do not fit, or takes too much memory.
        """
        if columns is not None:
            schema = pa.schema([schema.field(name) for name in columns if name in schema.names])
        budget = _Budget()
        tables: dict[Part, pa.Table] = {}  # a part never changes, so it is read once whatever happens
        for _ in range(_ATTEMPTS):
            parts = list_parts(self._store, self._folder)
            try:
                for part in parts:
                    if part not in tables:
                        tables[part] = self._rows(part, columns, where or {}, budget)
            except FileNotFoundError:
                continue  # the writer merged this part after it was listed
            listed = {part.name for part in parts}  # another thread may read, too, and list other parts
            self._footers = {name: each for name, each in [*self._footers.items()] if name in listed}
            self._columns = {name: each for name, each in [*self._columns.items()] if name in listed}
            return concatenate([empty_table(schema), *(tables[part] for part in parts)])
        raise RunFormatError(f"the parts in {self._store.location}/{self._folder} vanish while they are read")

    def read_part(self, part: Part, columns: Sequence[str]) -> pa.Table:
        """Some columns of one part, as far as it has them.

        Raises:
            FileNotFoundError: it was merged into another one.
            RunFormatError: see `read`.
        """
        return self._rows(part, columns, {}, _Budget())

    def count(self, part: Part) -> int:
        """Number of rows of one part, from its footer alone."""
        with self._open(part) as (_, footer):
            return sum(footer.rows)

    def is_sharded(self) -> bool:
        """Whether several ranks recorded, each its own part of every row."""
        return self._sharded or any(part.rank for part in list_parts(self._store, self._folder))

    def last_step(self) -> int | None:
        """The highest step in the table, from the footers alone if they tell it."""
        for _ in range(_ATTEMPTS):
            try:
                latest = {part.rank: part for part in list_parts(self._store, self._folder)}
                return max(map(self._highest_step, latest.values()), default=None)
            except FileNotFoundError:
                continue
        return None

    def _highest_step(self, part: Part) -> int:
        with self._open(part) as (file, footer):
            self._present(part, file)
            bounds = [footer.integer_bounds("step", group) for group in range(len(footer.rows))]
            known = [bound for bound in bounds if bound is not None]
            if len(known) == len(bounds) and all(0 <= high <= MAX_STEP for _, high in known):
                return max((high for _, high in known), default=0)
        steps = self._rows(part, ["step"], {}, _Budget()).column("step")
        return pc.max(steps).as_py() if len(steps) else 0

    def _rows(self, part: Part, columns: Sequence[str] | None, where: Where, budget: _Budget) -> pa.Table:
        with self._open(part) as (file, footer):
            present = self._present(part, file)
            wanted = present if columns is None else [name for name in columns if name in present]
            needed = list(dict.fromkeys([*wanted, *where]))
            groups = footer.groups(where)
            budget.spend(unpacked_size(self._layout, footer, groups, needed), footer.size)
            table = conform(self._read_columns(file, groups, present, needed), self._layout)
        if where:
            fits = [_equals(table.column(name), value) for name, value in where.items()]
            table = table.filter(reduce(pc.and_, fits))
        return table.select(wanted)

    def _read_columns(
        self, file: pq.ParquetFile, groups: Sequence[int], present: Sequence[str], needed: Sequence[str]
    ) -> pa.Table:
        if self._layout.open_ended and file.schema_arrow.names != present:
            # Columns of the same name cannot be asked for one by one.
            return file.read_row_groups(groups, use_threads=False).rename_columns(present).select(needed)
        return file.read_row_groups(groups, columns=needed, use_threads=False).select(needed)

    def _present(self, part: Part, file: pq.ParquetFile) -> list[str]:
        """The columns of a part that are used; checked once, for a part never changes."""
        if part.name not in self._columns:
            self._columns[part.name] = column_names(file.schema_arrow, self._layout)
        return self._columns[part.name]

    @contextmanager
    def _open(self, part: Part) -> Iterator[tuple[pq.ParquetFile, Footer]]:
        footer = self._footers.get(part.name)
        with open_part(self._store, part.name, footer and footer.metadata) as (source, file):
            footer = footer or Footer(source, file)
            self._footers[part.name] = footer
            yield file, footer


class _Budget:
    """Memory of a table beside its size on disk, added up part by part."""

    def __init__(self) -> None:
        self._unpacked, self._packed = 0, 0

    def spend(self, unpacked: int, packed: int) -> None:
        """Raise ValueError if the parts together take too much memory for their size."""
        self._unpacked, self._packed = self._unpacked + unpacked, self._packed + packed
        if self._unpacked > max(_SMALL, _RATIO * self._packed):
            raise ValueError(
                f"the table takes {self._unpacked:,} bytes of memory, more than {_RATIO} times the "
                f"{self._packed:,} bytes on disk"
            )


def _equals(column: pa.ChunkedArray, value: str | int) -> pa.ChunkedArray:
    if not pa.types.is_dictionary(column.type):
        return pc.equal(column, integer(int(value), column.type))
    # Compares codes: pyarrow itself would first write out the name of every row.
    fits = [pc.equal(each.indices, _place(each, value)) for each in column.chunks]
    return pa.chunked_array(fits, pa.bool_())


def _place(column: pa.DictionaryArray, value: str | int) -> pa.Scalar:
    names = column.dictionary.to_pylist()
    return integer(names.index(value) if value in names else -1, column.indices.type)
