"""The statistics of a run, for a page that shows those of thousands of parameters at once.

`Run.series` reads one number of one parameter. Here what the page shows is read once for all of them and
kept by parameter, unless that were too much; the numbers are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from weightdesk.runs.format import STATISTICS, STATISTICS_SCHEMA
from weightdesk.runs.parts import list_parts, open_part
from weightdesk.runs.rows import sort_codes
from weightdesk.runs.stores import Store, open_store
from weightdesk.runs.tables import PartReader
from weightdesk.server.session import Session

MOST: Final = 6_000_000
"""Rows that are kept in memory, about 30 bytes each; of a longer table each parameter is read on its own."""

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "weight": ("mean", "std", "rms", "abs_max"),
    "gradient": ("rms",),
    "update": ("rms", "update_ratio"),
}
"""What is kept of each kind."""

_COUNTS: Final = ("count", "nonfinite", "zeros")
Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of one kind, ordered by parameter and step.

    Attributes:
        steps: the step of each.
        is_broken: whether not all of the tensor is finite.
        is_zero: whether all of it is exactly 0.
        columns: the numbers in `COLUMNS`.
    """

    steps: Array
    is_broken: Array
    is_zero: Array
    columns: Mapping[str, Array]

    def part(self, places: slice | Array) -> Rows:
        """Some of the rows."""
        columns = {name: each[places] for name, each in self.columns.items()}
        return Rows(self.steps[places], self.is_broken[places], self.is_zero[places], columns)


class Recorded:
    """The rows of a run, as they are when it is made."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._whole: Mapping[str, _Grouped] | None
        self._whole = session.kept("whole", _version(session), lambda: _whole(session))

    def of(self, kind: str, parameter: str) -> Rows:
        """Those of a parameter, ordered by step; none where nothing was recorded of it."""
        grouped = self._whole[kind] if self._whole else _read(self._session, kind, parameter=parameter)
        return grouped.of(parameter)

    def at(self, kind: str, step: int) -> tuple[list[str], Rows]:
        """Those of a step, and the parameter of each."""
        grouped = self._whole[kind] if self._whole else _read(self._session, kind, step=step)
        return grouped.at(step)


def statistics(session: Session, columns: Sequence[str], **where: str | int) -> pa.Table:
    """These columns of the rows with these values, read anew and in no particular order."""
    run = session.run
    reader: PartReader = session.kept("parts", run.path, lambda: PartReader(_store(session), STATISTICS))
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


@dataclass(frozen=True, eq=False)
class _Grouped:
    """Rows of several parameters, and where those of each begin."""

    rows: Rows
    names: list[str]
    starts: Array
    places: Mapping[str, int]

    def of(self, name: str) -> Rows:
        place = self.places.get(name)
        if place is None:
            return self.rows.part(slice(0, 0))
        return self.rows.part(slice(*self.starts[place : place + 2].tolist()))

    def at(self, step: int) -> tuple[list[str], Rows]:
        found = np.flatnonzero(self.rows.steps == step)
        owners = np.searchsorted(self.starts, found, side="right") - 1
        return [self.names[each] for each in owners.tolist()], self.rows.part(found)


def _version(session: Session) -> tuple[int, str]:
    """Changes as the run grows, as often as the page asks anew."""
    return len(session.run.steps), session.run.status


def _store(session: Session) -> Store:
    return open_store(session.run.path)


def _whole(session: Session) -> Mapping[str, _Grouped] | None:
    """Everything; None where that is too much."""
    store = _store(session)
    try:
        count = 0
        for part in list_parts(store, STATISTICS):
            with open_part(store, part.name) as file:
                count += file.metadata.num_rows
    except FileNotFoundError:  # merged meanwhile
        return None
    return {kind: _read(session, kind) for kind in COLUMNS} if count <= MOST else None


def _read(session: Session, kind: str, **where: str | int) -> _Grouped:
    table = statistics(session, ("step", "parameter", *_COUNTS, *COLUMNS[kind]), kind=kind, **where)
    steps, codes = table.column("step").to_numpy(), sort_codes(table.column("parameter"))
    # merged parts are sorted by name and step, so that a stable sort has little to do
    order = np.argsort(codes.astype(np.int64) * (steps.max(initial=0) + 1) + steps, kind="stable")
    count, nonfinite, zeros = (table.column(each).to_numpy() for each in _COUNTS)
    columns = {name: np.asarray(table.column(name).to_numpy(), np.float64) for name in COLUMNS[kind]}
    rows = Rows(steps.astype(np.int32), nonfinite > 0, zeros == count, columns).part(order)
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    names = table.column("parameter").take(order[starts]).to_pylist()
    places = {name: place for place, name in enumerate(names)}
    return _Grouped(rows, names, np.append(starts, len(order)), places)
