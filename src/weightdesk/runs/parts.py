"""Tables as immutable Parquet parts: appended small, merged as they grow many, sorted when merged.

A part is named by the flushes it covers: `part-00000003-00000003.parquet` is the third flush, and
`part-00000001-00000064.parquet` the first 64, merged. A merged part is in place before its pieces
go, and a reader leaves out every part whose flushes lie inside another part's; so a writer may die
at any moment, and no row is lost or seen twice. Ranks above 0 write `part-r<rank>-…` beside them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from weightdesk.runs.door import list_names, reading
from weightdesk.runs.format import TABLES
from weightdesk.runs.rows import concatenate, sort_rows
from weightdesk.runs.stores import Store

MAX_ROWS: Final = 500_000
"""Rows of a merged part; a merge holds that many in memory."""
_ROW_GROUP: Final = 16_384  # one series of one parameter touches few of them
_NAME: Final = re.compile(r"part-(?:r(\d+)-)?(\d{8,})-(\d{8,})\.parquet$", re.ASCII)


@dataclass(frozen=True, order=True)
class Part:
    """One file of a table: the flushes `first` to `last` of one rank."""

    rank: int
    first: int
    last: int
    name: str = field(compare=False)

    def covers(self, other: Part) -> bool:
        """Whether every row of the other part is in this one."""
        return self.rank == other.rank and self.first <= other.first and other.last <= self.last


class PartWriter:
    """Writes the table of one folder, as the only writer of its rank.

    Args:
        store: where the run lies.
        folder: one of `TABLES`, such as `metrics`.
        rank: number of this process among those that record together.
        fan_in: how many small parts are merged into a larger one.
        max_rows: rows of a merged part at most.

    >>> from weightdesk.runs.stores import open_store
    >>> store = open_store("memory://parts")
    >>> writer = PartWriter(store, "metrics", fan_in=2)
    >>> for step in range(3):
    ...     _ = writer.append(pa.table({"step": [step], "loss": [1.0 / (step + 1)]}))
    >>> writer.merge()
    >>> [part.name for part in list_parts(store, "metrics")]
    ['metrics/part-00000001-00000003.parquet']
    """

    def __init__(
        self, store: Store, folder: str, *, rank: int = 0, fan_in: int = 64, max_rows: int = MAX_ROWS
    ) -> None:
        self._store, self._folder, self._rank = store, folder, rank
        self._fan_in, self._max_rows = fan_in, max_rows
        earlier = [part for part in list_parts(store, folder) if part.rank == rank]
        self._parts = [(part, _rows(store, part.name)) for part in earlier]
        self._sizes = {part.name: store.size(part.name) for part in earlier}

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(self._sizes.values())

    def append(self, table: pa.Table) -> int:
        """Keep the table as the next part; return its size in bytes."""
        flush = self._parts[-1][0].last + 1 if self._parts else 1
        part = self._part(flush, flush)
        size = self._sizes[part.name] = _write(self._store, part.name, table)
        self._parts.append((part, table.num_rows))
        return size

    def merge(self) -> None:
        """Merge where `fan_in` parts of about the same size lie side by side."""
        for _, alike in groupby(list(self._parts), key=self._level):
            pieces = list(alike)
            if len(pieces) >= self._fan_in:
                self._combine(pieces)

    def close(self) -> None:
        """Merge all parts into as few as `max_rows` allows."""
        self._combine(list(self._parts))

    def _level(self, counted: tuple[Part, int]) -> int:
        span, level = counted[0].last - counted[0].first + 1, 0
        while span >= self._fan_in:
            span, level = span // self._fan_in, level + 1
        return level

    def rewrite(self, change: Callable[[pa.Table], pa.Table]) -> Iterator[None]:
        """Change the rows of all present parts, such as to leave some out; a few parts at each step.

        A name that readers know never gets another content: two neighbours become one part, and a single
        one takes in the number of the next flush. Between the steps rows may be appended, but nothing be
        merged.
        """
        pieces = [part for part, _ in self._parts]
        for first in range(0, len(pieces), 2):
            pair = pieces[first : first + 2]
            if len(pair) == 1:
                pair = [part for part, _ in self._parts if part.first >= pair[0].first]
            self._replace(pair, change, until=pair[-1].last + (len(pair) == 1))
            yield

    def _combine(self, counted: Sequence[tuple[Part, int]]) -> None:
        for pieces in _batches(counted, self._max_rows):
            self._replace(pieces)

    def _replace(
        self,
        pieces: Sequence[Part],
        change: Callable[[pa.Table], pa.Table] = lambda table: table,
        until: int | None = None,
    ) -> None:
        merged = self._part(pieces[0].first, until or pieces[-1].last)
        tables = [change(_read(self._store, piece.name)) for piece in pieces]
        table = sort_rows(concatenate(tables), TABLES[self._folder].part_order)
        self._sizes[merged.name] = _write(self._store, merged.name, table)
        others = [each for each in self._parts if not merged.covers(each[0])]
        self._parts = sorted([*others, (merged, table.num_rows)])
        for piece in pieces:
            self._store.delete(piece.name)
            del self._sizes[piece.name]

    def _part(self, first: int, last: int) -> Part:
        rank = f"r{self._rank}-" if self._rank else ""
        return Part(self._rank, first, last, f"{self._folder}/part-{rank}{first:08d}-{last:08d}.parquet")


def list_parts(store: Store, folder: str) -> list[Part]:
    """The parts that hold the table, each row once, in the order of ranks and flushes."""
    names, before = list_names(store, folder), None
    while names != before:  # a listing that runs beside a merge may miss both the pieces and the whole
        names, before = list_names(store, folder), names
    parts = [
        Part(int(found[1] or 0), int(found[2]), int(found[3]), name)
        for name in names
        if (found := _NAME.search(name))
    ]
    widest_first = sorted(parts, key=lambda part: (part.rank, part.first, -part.last))
    kept: list[Part] = []
    for part in widest_first:
        if not (kept and kept[-1].covers(part)):
            kept.append(part)
    return kept


def _batches(counted: Sequence[tuple[Part, int]], max_rows: int) -> Iterator[list[Part]]:
    """Neighbouring parts that fit into one together; parts that fit with no neighbour are left out."""
    batch: list[Part] = []
    total = 0
    for part, rows in counted:
        if batch and total + rows > max_rows:
            if len(batch) > 1:
                yield batch
            batch, total = [], 0
        batch.append(part)
        total += rows
    if len(batch) > 1:
        yield batch


def _write(store: Store, name: str, table: pa.Table) -> int:
    def write(path: Path) -> None:
        with pa.OSFile(str(path), "wb") as file:  # given a path, pyarrow looks up a file system: 0.1 ms
            pq.write_table(
                table,
                file,
                row_group_size=_ROW_GROUP,
                compression="zstd",
                compression_level=1,
                write_page_checksum=True,
                use_dictionary=[each.name for each in table.schema if pa.types.is_dictionary(each.type)],
                column_encoding=dict(_encodings(table.schema)),
            )

    return store.write(name, write)


def _encodings(schema: pa.Schema) -> Iterator[tuple[str, str]]:
    for each in schema:
        is_list = pa.types.is_list(each.type)
        content = each.type.value_type if is_list else each.type
        column = f"{each.name}.list.element" if is_list else each.name
        if pa.types.is_integer(content):
            yield column, "DELTA_BINARY_PACKED"
        elif pa.types.is_floating(content):
            yield column, "BYTE_STREAM_SPLIT"


def _read(store: Store, name: str) -> pa.Table:
    with open_part(store, name) as (_, file):
        return file.read(use_threads=False)


def _rows(store: Store, name: str) -> int:
    with open_part(store, name) as (_, file):
        return int(file.metadata.num_rows)


@contextmanager
def open_part(
    store: Store, name: str, metadata: pq.FileMetaData | None = None
) -> Iterator[tuple[pa.NativeFile, pq.ParquetFile]]:
    """A part open for reading, with its footer if it is known already, and the file below it.

    Questions for single columns of the metadata end the process if the footer is damaged; see `Footer`.

    Raises:
        FileNotFoundError: the part has been merged into another one, or never was.
        RunFormatError: it is damaged, found out now or while it is read.
    """
    with reading(store, name, "a Parquet file, remove it to read the rest of the run"):  # noqa: SIM117
        with store.open_parquet(name) as source:
            yield source, pq.ParquetFile(source, metadata=metadata, page_checksum_verification=True)
