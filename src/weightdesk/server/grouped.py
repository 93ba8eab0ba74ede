"""Rows of statistics in memory, ordered by parameter and step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weightdesk.runs.rows import sort_codes

COUNTS: Final = ("count", "nonfinite", "zeros")
"""Columns from which `is_broken` and `is_zero` follow."""

Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of one kind.

    Attributes:
        steps: the step of each.
        is_broken: whether not all of the tensor is finite.
        is_zero: whether all of it is exactly 0.
        columns: the numbers that were asked for.
    """

    steps: Array
    is_broken: Array
    is_zero: Array
    columns: Mapping[str, Array]

    def part(self, places: slice | Array) -> Rows:
        """Some of the rows."""
        columns = {name: each[places] for name, each in self.columns.items()}
        return Rows(self.steps[places], self.is_broken[places], self.is_zero[places], columns)

    def inserted(self, places: Array, other: Rows) -> Rows:
        """With other rows, each before the one that is at its place now."""
        columns = {name: np.insert(each, places, other.columns[name]) for name, each in self.columns.items()}
        return Rows(
            np.insert(self.steps, places, other.steps),
            np.insert(self.is_broken, places, other.is_broken),
            np.insert(self.is_zero, places, other.is_zero),
            columns,
        )


@dataclass(frozen=True, eq=False)
class Grouped:
    """Rows of several parameters, ordered by these and by step; each step of a parameter once.

    Attributes:
        rows: all of them.
        names: the parameters in their order here.
        starts: where those of each begin, and at the end how many rows there are.
    """

    rows: Rows
    names: Sequence[str]
    starts: Array

    @classmethod
    def read(cls, table: pa.Table, columns: Sequence[str]) -> Self:
        """The rows of a table that has `step`, `parameter`, `COUNTS` and these columns."""
        steps, codes = table.column("step").to_numpy(), sort_codes(table.column("parameter"))
        # merged parts are sorted by name and step, so that a stable sort has little to do
        order = np.argsort(codes.astype(np.int64) * (steps.max(initial=0) + 1) + steps, kind="stable")
        count, nonfinite, zeros = (table.column(each).to_numpy() for each in COUNTS)
        numbers = {name: np.asarray(table.column(name).to_numpy(), np.float64) for name in columns}
        rows = Rows(steps.astype(np.int32), nonfinite > 0, zeros == count, numbers).part(order)
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        names = table.column("parameter").take(order[starts]).to_pylist()
        return cls(rows, names, np.append(starts, len(order)))

    def of(self, name: str) -> Rows:
        """Those of a parameter, ordered by step; none where it has none."""
        place = self._places.get(name)
        if place is None:
            return self.rows.part(slice(0, 0))
        return self.rows.part(slice(*self.starts[place : place + 2].tolist()))

    def at(self, step: int) -> tuple[list[str], Rows]:
        """Those of a step, and the parameter of each."""
        found = np.flatnonzero(self.rows.steps == step)
        owners = np.searchsorted(self.starts, found, side="right") - 1
        return [self.names[each] for each in owners.tolist()], self.rows.part(found)

    def joined(self, other: Grouped) -> Grouped:
        """With the rows of another one; those whose step is known of their parameter are the same."""
        if not len(self.rows.steps):
            return other
        names = [*self.names, *(each for each in other.names if each not in self._places)]
        places = {name: place for place, name in enumerate(names)}
        span = max(self.rows.steps.max(initial=0), other.rows.steps.max(initial=0)) + np.int64(1)
        mine = _owners(self.starts) * span + self.rows.steps
        theirs = np.array([places[name] for name in other.names], np.int64)[_owners(other.starts)] * span
        theirs += other.rows.steps
        order = np.argsort(theirs, kind="stable")
        before = np.searchsorted(mine, theirs[order])
        is_new = np.append(mine, -1)[before] != theirs[order]
        rows = self.rows.inserted(before[is_new], other.rows.part(order[is_new]))
        owners = np.insert(mine, before[is_new], theirs[order][is_new]) // span
        return Grouped(rows, names, np.searchsorted(owners, np.arange(len(names) + 1)))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}


def _owners(starts: Array) -> Array:
    """The number of the parameter of each row."""
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts))
