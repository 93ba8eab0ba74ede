"""Writes snapshots and keeps those on disk within the budget."""

from __future__ import annotations

import json

from torch import Tensor

from weightdesk.recording.pieces import assemble, complete_steps, remove, write_piece
from weightdesk.recording.ranks import Rank
from weightdesk.recording.schedule import SnapshotSchedule
from weightdesk.recording.snapshot import Snapshot, memory_of
from weightdesk.runs.format import TABLES, extra_name, snapshot_name
from weightdesk.runs.snapshots import write_extra, write_snapshot
from weightdesk.runs.stores import Store
from weightdesk.types import Step

Tensors = dict[str, Tensor]


class SnapshotKeeper:
    """Keeps the snapshots of one run.

    Arguments:
        store: where the run lies.
        schedule: decides what goes when the disk budget is full.
        rank: this process; where parameters are sharded it writes its pieces, and the first one
            puts the pieces together.
    """

    def __init__(self, store: Store, schedule: SnapshotSchedule, rank: Rank) -> None:
        self._store, self._schedule, self._rank = store, schedule, rank
        self._kept: dict[Step, int] = {}

    def keep(self, snapshot: Snapshot) -> None:
        """Write a snapshot, or this process's piece of it."""
        if self._rank.sharded:
            write_piece(self._store, snapshot, self._rank.number)
        else:
            self._keep(snapshot.step, snapshot.tensors, snapshot.extra, snapshot.metadata, snapshot.is_last)

    def assemble(self) -> bool:
        """Make snapshots of complete sets of pieces; whether none is left that waits for others."""
        if not self._rank.sharded or self._rank.number:
            return True
        complete, waiting = complete_steps(self._store, self._rank.count)
        for step in complete:
            tensors, metadata = assemble(self._store, step, self._rank.count)
            state = {name: tensor for name, tensor in tensors.items() if "@" not in name}
            extra = {name: tensor for name, tensor in tensors.items() if "@" in name}
            is_last = json.loads(metadata["is_last"])
            told = {key: text for key, text in metadata.items() if key in ("optimizer", "options")}
            self._keep(step, state, extra, told, is_last)
            remove(self._store, step, self._rank.count)
        return not waiting

    def _keep(self, step: Step, state: Tensors, extra: Tensors, about: dict[str, str], is_last: bool) -> None:
        size = memory_of([*state.values(), *extra.values()])
        others = {each: bytes_ for each, bytes_ in self._kept.items() if each != step}
        dropped, fits = self._schedule.make_room(others, self._table_bytes(), size)
        for each in dropped:
            self._store.delete(extra_name(each))
            self._store.delete(snapshot_name(each))
            del self._kept[each]
        if fits or is_last or not others:
            # The extra file first, so that whoever sees the snapshot finds its gradients, too.
            size = write_extra(self._store, step, extra, metadata=about) if extra else 0
            self._kept[step] = size + write_snapshot(self._store, step, state)

    def _table_bytes(self) -> int:
        names = [name for folder in TABLES for name in self._store.names(folder)]
        return sum(self._store.size(name) for name in names)
