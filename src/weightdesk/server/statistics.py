"""The statistics of a run, for a page that shows those of thousands of parameters at once.

`Run.series` reads one number of one parameter. Here what the page shows is read once for all of them and
kept by parameter, unless that were too much; the numbers are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from threading import Lock
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weightdesk.runs.format import STATISTICS, STATISTICS_SCHEMA
from weightdesk.runs.parts import Part, list_parts
from weightdesk.runs.rows import concatenate
from weightdesk.runs.stores import Store, open_store
from weightdesk.runs.tables import PartReader
from weightdesk.server.grouped import COUNTS, Array, Grouped, Rows
from weightdesk.server.session import Session

MOST: Final = 6_000_000
"""Rows that are kept in memory, about 30 bytes each; of a longer table each parameter is read on its own."""

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "weight": ("mean", "std", "rms", "abs_max"),
    "gradient": ("rms",),
    "update": ("rms", "update_ratio"),
    "activation": (),
}
"""What is kept of each kind."""

Whole = Mapping[str, Grouped]


class Recorded:
    """The rows of a run, as they are when it is made."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._whole: Whole | None = _whole(session)

    def of(self, kind: str, parameter: str) -> Rows:
        """Those of a parameter, ordered by step; none where nothing was recorded of it."""
        grouped = self._whole[kind] if self._whole else _read(self._session, kind, parameter=parameter)
        return grouped.of(parameter)

    def at(self, kind: str, step: int) -> tuple[list[str], Rows]:
        """Those of a step, and the parameter of each."""
        grouped = self._whole[kind] if self._whole else _read(self._session, kind, step=step)
        return grouped.at(step)

    def last(self, kind: str, step: int) -> int | None:
        """The last step up to this one at which the kind was measured."""
        if self._whole:
            steps = self._whole[kind].rows.steps
        else:
            steps = statistics(self._session, ("step",), kind=kind).column("step").to_numpy()
        earlier = steps[steps <= step]
        return int(earlier.max()) if len(earlier) else None

    def broken(self, kind: str) -> tuple[int, list[str]] | None:
        """The first step at which not all was finite, and of which parameters; None where all always was."""
        if self._whole:
            rows = self._whole[kind].rows
            steps = rows.steps[rows.is_broken]
        else:
            table = statistics(self._session, ("step", "nonfinite"), kind=kind)
            steps = table.filter(pc.greater(table.column("nonfinite"), 0)).column("step").to_numpy()
        if not len(steps):
            return None
        step = int(steps.min())
        names, then = self.at(kind, step)
        return step, [name for name, is_broken in zip(names, then.is_broken, strict=True) if is_broken]


def statistics(session: Session, columns: Sequence[str], **where: str | int) -> pa.Table:
    """These columns of the rows with these values, read anew and in no particular order."""
    run, reader = session.run, _reader(session)
    if not reader.is_sharded():
        return reader.read(STATISTICS_SCHEMA, columns=columns, where=where)
    table = session.kept("merged", _version(session), lambda: run.statistics)
    fits = [pc.equal(table.column(name), value) for name, value in where.items()]
    return table.filter(reduce(pc.and_, fits)).select(list(columns))


def evenly(count: int, most: int) -> Array:
    """The first of so many places, the last one, and others evenly between; no more than `most`.

    >>> evenly(10, 4)
    array([0, 3, 6, 9])
    """
    places: Array = np.linspace(0, count - 1, min(count, most)).round().astype(int)
    return places


class _Growing:
    """All rows of a run that one process records, of which only what is new is read each time."""

    def __init__(self, store: Store) -> None:
        self._store, self._reader = store, PartReader(store, STATISTICS)
        self._lock = Lock()
        self._version: tuple[int, str] | None = None
        self._flush = 0  # up to which one everything is here; parts cover them without a gap
        self._found: Whole | None = {kind: _grouped(_EMPTY, kind) for kind in COLUMNS}

    def now(self, version: tuple[int, str]) -> Whole | None:
        """What is there when the run is of this version; None where that is too much."""
        with self._lock:
            while self._found is not None and version != self._version:
                try:
                    self._found = self._with(self._found, self._new())
                except FileNotFoundError:  # merged since it was listed
                    continue
                self._version = version
            return self._found

    def _new(self) -> list[Part]:
        return [part for part in list_parts(self._store, STATISTICS) if part.last > self._flush]

    def _with(self, found: Whole, new: Sequence[Part]) -> Whole | None:
        if not new:
            return found
        count = sum(len(each.rows.steps) for each in found.values())
        count += sum(map(self._reader.count, new))
        if count > MOST:
            return None
        table = concatenate([_EMPTY, *(self._rows(part) for part in new)])
        joined = {kind: each.joined(_grouped(table, kind)) for kind, each in found.items()}
        self._flush = new[-1].last
        return joined

    def _rows(self, part: Part) -> pa.Table:
        return self._reader.read_part(part, _EMPTY.column_names)


_EMPTY: Final = STATISTICS_SCHEMA.empty_table().select(
    list(dict.fromkeys(("step", "parameter", "kind", *COUNTS, *sum(COLUMNS.values(), ()))))
)


def _grouped(table: pa.Table, kind: str) -> Grouped:
    kinds = table.column("kind").unify_dictionaries().combine_chunks()
    # compares codes: pyarrow itself would first write out the kind of every row
    is_kind = pc.equal(kinds.indices, pc.index(kinds.dictionary, kind))
    return Grouped.read(table.filter(is_kind), COLUMNS[kind])


def _whole(session: Session) -> Whole | None:
    """Everything; None where that is too much."""
    if not _reader(session).is_sharded():
        growing: _Growing = session.kept("whole", session.run.path, lambda: _Growing(_store(session)))
        return growing.now(_version(session))
    return session.kept("whole", _version(session), lambda: _merged(session))  # type: ignore[no-any-return]


def _merged(session: Session) -> Whole | None:
    """Of a run that several processes recorded, each its own share of every row."""
    count = sum(each.num_rows for each in (statistics(session, ("step",), kind=kind) for kind in COLUMNS))
    return {kind: _read(session, kind) for kind in COLUMNS} if count <= MOST else None


def _version(session: Session) -> tuple[int, str]:
    """Changes as the run grows, as often as the page asks anew."""
    return len(session.run.steps), session.run.status


def _reader(session: Session) -> PartReader:
    reader: PartReader = session.kept(
        "parts", session.run.path, lambda: PartReader(_store(session), STATISTICS)
    )
    return reader


def _store(session: Session) -> Store:
    return open_store(session.run.path)


def _read(session: Session, kind: str, **where: str | int) -> Grouped:
    table = statistics(session, ("step", "parameter", *COUNTS, *COLUMNS[kind]), kind=kind, **where)
    return Grouped.read(table, COLUMNS[kind])
