"""Every step of a small model: many steps in one file, and every second one of them when room runs out.

A step is copied in the training loop and waits for the next flush, which writes all that wait to one
file for each set of tensors. Files of about one size are put together, so that their number grows with
the logarithm of the steps.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Final

from weightdesk.recording.snapshot import Snapshot, memory_of
from weightdesk.recording.subject import Subject
from weightdesk.runs.snapshotreader import SnapshotReader
from weightdesk.runs.stackedsteps import Row, restack, write_rows
from weightdesk.runs.stores import Store
from weightdesk.types import Step

ROOM: Final = 200_000_000
"""Bytes that all steps of a small run may take on the disk, if `disk` allows that."""

_WEIGHTS: Final = 50_000
_TENSORS: Final = 64
"""A model with more weights or tensors than these is not small. At every step each tensor is copied, with
its gradient, update and optimizer state: that takes some 20 µs a tensor, and a second of 50,000 weights
fills most of the room."""

_LEAST: Final = 64
"""Steps for which there must be room, or the model is treated as a large one: an eighth of a file."""

_WAITING: Final = 64_000_000
"""Bytes of steps that may wait to be written before some are left out."""

_FAN_IN: Final = 8
_LARGEST: Final = 16_000_000
"""Files of a level that are put together, and bytes from which on a file stays as it is."""


@dataclass
class _File:
    name: str
    size: int
    level: int


class EveryStep:
    """The steps of one small run.

    Arguments:
        store: where the run lies.
        together: optimizer steps of a round; all of them are kept or none.
    """

    def __init__(self, store: Store, together: int) -> None:
        self._store, self._together = store, together
        self.stride = 1
        """Every how many rounds one is kept, a power of two."""
        self._waiting: deque[Snapshot] = deque()
        self._row_bytes = 0
        self._last = 0
        self._files: dict[object, list[_File]] = defaultdict(list)  # by what their rows hold

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(file.size for files in self._files.values() for file in files)

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be written that the next step had better be left out."""
        return len(self._waiting) * self._row_bytes > _WAITING

    def add(self, snapshot: Snapshot) -> None:
        """Write a step at the next flush; called in the training loop."""
        if not self._row_bytes:
            self._row_bytes = memory_of([*snapshot.tensors.values(), *snapshot.extra.values()])
        self._waiting.append(snapshot)

    def flush(self, room: int) -> None:
        """Write what waits, and keep fewer steps if all of them take more than the room."""
        rows: dict[object, list[Row]] = defaultdict(list)
        for snapshot in [self._waiting.popleft() for _ in range(len(self._waiting))]:
            self._last = snapshot.step
            if self._keeps(snapshot.step):
                row = Row(snapshot.step, {**snapshot.tensors, **snapshot.extra}, snapshot.metadata)
                rows[row.layout].append(row)
        for layout, found in rows.items():
            self._files[layout].append(_File(*write_rows(self._store, found), 0))
            self._merge(self._files[layout])
        while self.size > min(room, ROOM) and self.stride <= self._last // self._together:
            self._thin()

    def _keeps(self, step: Step) -> bool:
        return step // self._together % self.stride == 0

    def _merge(self, files: list[_File]) -> None:
        """Put the last files together as long as there are enough of one level."""
        while len(files) >= _FAN_IN:
            last = files[-_FAN_IN:]
            level = last[0].level
            if any(file.level != level for file in last) or sum(file.size for file in last) > _LARGEST:
                return
            self._replace(files, last, level + 1)

    def _thin(self) -> None:
        """Keep every second of the rounds that are there."""
        self.stride *= 2
        for files in self._files.values():
            for file in list(files):
                self._replace(files, [file], file.level)

    def _replace(self, files: list[_File], old: list[_File], level: int) -> None:
        reader = SnapshotReader(self._store)  # afresh: it would remember every header there ever was
        made = restack(self._store, reader, [file.name for file in old], self._keeps)
        at = files.index(old[0])
        files[at : at + len(old)] = [] if made is None else [_File(*made, level)]
        for file in old:
            if made is None or file.name != made[0]:
                self._store.delete(file.name)


def is_small(subject: Subject, room: int) -> bool:
    """Whether every step of a model is kept, as its size and the room on the disk allow."""
    if len(subject.parameters) > _TENSORS:  # without collecting the state of thousands
        return False
    state = list(subject.state().values())
    if len(state) > _TENSORS or sum(each.numel() for each in state) > _WEIGHTS:
        return False
    step = 5 * memory_of(state)  # weights, gradient, update, and the two moments of Adam
    return _LEAST * step <= room
