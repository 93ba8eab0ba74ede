"""What process 0 does with pieces: puts complete sets together, and says of the others what is missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from torch import Tensor

from weightdesk.recording.notes import Notes, enumerate_names
from weightdesk.recording.pieces import Edition, PieceFolder
from weightdesk.recording.ranks import Rank
from weightdesk.recording.warning import warn
from weightdesk.runs.stores import Store
from weightdesk.types import Step

_WAITING: Final = 16
"""Snapshots that may wait for pieces. Processes step together, and each lets two snapshots wait to be
written, so more than a few wait only for a process that does not record."""

_GRACE: Final = 20.0
"""Seconds after which a process without any piece is said to be missing."""

_STEPS: Final = 5
"""Steps that a note names."""


class Assembly:
    """Puts pieces together in process 0; does nothing in the others.

    Arguments:
        store: where the run lies.
        rank: this process.
        keep: takes a step, its whole tensors and their metadata.
        notes: told of what is missing.
    """

    def __init__(
        self,
        store: Store,
        rank: Rank,
        keep: Callable[[Step, dict[str, Tensor], Mapping[str, str]], None],
        notes: Notes,
    ) -> None:
        self._store, self._rank, self._keep, self._notes = store, rank, keep, notes
        self._folder = PieceFolder(store)
        self._newest: Edition | None = None
        self._lost: set[Step] = set()
        self._began = time.monotonic()
        self._has_warned = False

    def assemble(self, limit: int) -> bool:
        """Keep every complete set as a snapshot; whether no piece of this process waits for others.

        Arguments:
            limit: bytes that pieces of this process may take; the oldest are given up beyond.
        """
        if self._rank.number:
            return True
        self._folder.refresh()
        self._newest = max([*self._own(), *([self._newest] if self._newest else [])], default=None)
        complete = [edition for edition in self._own() if self._folder.is_complete(edition)]
        for edition in complete:
            if Edition(edition.step, is_full=True) in complete and not edition.is_full:
                continue  # the full one has the weights, too
            self._keep(edition.step, *self._folder.assemble(edition))
            self._folder.remove(Edition(edition.step, is_full=False))
            self._folder.remove(edition)
        self._remove_orphans()
        self._bound(limit)
        self._warn_of_absent()
        return not self._own()

    @property
    def pieces_seen(self) -> int:
        """How many pieces of all processes there were so far."""
        return self._folder.count

    def give_up(self) -> None:
        """Remove pieces whose others did not come, and note which snapshots are missing for it."""
        waiting = self._own()
        absent = self._rank.partners - self._folder.seen
        late = {
            number
            for edition in waiting
            for number in self._rank.partners - absent
            if not self._folder.holds(edition, number)
        }
        self._lost |= {edition.step for edition in waiting}
        if absent:
            self._say(_absence(absent))
        if self._lost:
            who = f"; {_numbered(late)} did not write its last ones in time" if late else ""
            self._say(f"no snapshot of {_steps(self._lost)}: shards of other processes are missing{who}")
        for edition in self._folder.editions():
            self._folder.remove(edition)

    def _own(self) -> list[Edition]:
        return [edition for edition in self._folder.editions() if self._folder.holds(edition, 0)]

    def _remove_orphans(self) -> None:
        """Remove pieces of steps that this process has passed by or given up.

        Snapshots that do not fit into the disk budget are thinned by this process alone.
        """
        for edition in self._folder.editions():
            if self._newest and edition < self._newest and not self._folder.holds(edition, 0):
                self._folder.remove(edition)

    def _bound(self, limit: int) -> None:
        waiting = self._own()
        sizes = [self._store.size(edition.file(0)) for edition in waiting]
        while len(waiting) > _WAITING or (len(waiting) > 1 and sum(sizes) > limit):
            self._lost.add(waiting[0].step)
            self._folder.remove(waiting.pop(0))
            sizes.pop(0)

    def _warn_of_absent(self) -> None:
        absent = self._rank.partners - self._folder.seen
        if absent and not self._has_warned and time.monotonic() - self._began > _GRACE:
            self._has_warned = True
            warn(f"weightdesk: {_absence(absent)}")

    def _say(self, text: str) -> None:
        self._notes.add(text, aloud=not self._has_warned)


def _absence(numbers: Iterable[int]) -> str:
    return (
        f"{_numbered(numbers)} recorded nothing, so snapshots and statistics of what is cut up among "
        "processes are missing; call watch in every process, with one directory that all of them share"
    )


def _numbered(numbers: Iterable[int]) -> str:
    """Processes by their numbers.

    >>> _numbered({2, 1})
    'processes 1, 2'
    """
    ordered = sorted(numbers)
    return f"process{'es' if len(ordered) > 1 else ''} {', '.join(map(str, ordered))}"


def _steps(steps: Iterable[Step]) -> str:
    ordered = sorted(steps)
    return f"step{'s' if len(ordered) > 1 else ''} {enumerate_names(map(str, ordered), most=_STEPS)}"
