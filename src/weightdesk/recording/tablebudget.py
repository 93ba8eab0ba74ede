"""Keeps the tables of a run within their part of the disk budget: if they are over, every other step goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import pyarrow as pa

from weightdesk.runs.format import PASSES, SAMPLED, STATISTICS
from weightdesk.runs.parts import PartWriter
from weightdesk.runs.rows import rows_of_rounds

_SHARE: Final = 2
"""Tables may take this part of the disk budget, one half; the rest is for snapshots."""
_FULL: Final = 0.75
"""Of their part: tables that are above it after all parts were merged are thinned, lest they have to be
merged again at the next flush."""
_THINNED: Final = (SAMPLED, STATISTICS, PASSES)
"""What is thinned; the metrics, which the user logs, never are."""


class TableBudget:
    """Thins the largest table while all tables together take more than their part of the disk.

    A table's stride doubles, and of the rows that it has already those of every other step are dropped,
    a few parts at each flush. So a row's step is a multiple of the stride, whenever it was written.

    Arguments:
        parts: writers of the tables.
        disk: bytes that the run may take; None for no limit.
        together: steps of a round: strides count rounds.

    Attributes:
        strides: every how many rounds a table has rows, where it is not every one.
    """

    def __init__(self, parts: Mapping[str, PartWriter], disk: int | None, together: int = 1) -> None:
        self.strides: dict[str, int] = {}
        self._parts, self._together = parts, together
        self._limit = None if disk is None else disk // _SHARE
        self._work: Iterator[None] | None = None

    @property
    def is_thinning(self) -> bool:
        """Whether old rows are still to be dropped; parts must not be merged meanwhile."""
        return self._work is not None

    def within(self, folder: str, table: pa.Table) -> pa.Table:
        """The rows of new ones that the stride of their table allows."""
        return rows_of_rounds(table, self.strides.get(folder, 1), self._together)

    def keep(self) -> None:
        """Do what is to be done after a flush: begin to thin if tables are over, or drop the next rows."""
        if self._work is None and self._limit is not None and self._size > self._limit:
            for folder in self._parts:  # many small parts take more than the same rows in one
                self._parts[folder].close()
            if self._size > _FULL * self._limit:
                self._work = self._thin()
        if self._work is not None and next(self._work, self) is self:
            self._work = None

    def finish(self) -> None:
        """Thin until the tables fit, or nothing is left that could go."""
        self.keep()
        while self._work is not None:
            self.keep()

    @property
    def _size(self) -> int:
        return sum(parts.size for parts in self._parts.values())

    def _thin(self) -> Iterator[None]:
        folder = max(_THINNED, key=lambda each: self._parts[each].size)
        if self._parts[folder].size < self._size / 4:
            return  # what takes the room is the metrics
        self.strides[folder] = self.strides.get(folder, 1) * 2
        yield from self._parts[folder].rewrite(lambda table: self.within(folder, table))
