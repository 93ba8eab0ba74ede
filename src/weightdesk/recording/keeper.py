"""Writes snapshots and keeps those on disk within the budget."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Final

from torch import Tensor

from weightdesk.recording.assembly import Assembly
from weightdesk.recording.pieces import write_piece
from weightdesk.recording.ranks import Rank
from weightdesk.recording.schedule import SnapshotSchedule
from weightdesk.recording.snapshot import Snapshot, memory_of
from weightdesk.runs.format import METRICS, SAMPLED, STATISTICS, extra_name, snapshot_name
from weightdesk.runs.snapshots import write_extra, write_snapshot
from weightdesk.runs.stores import Store
from weightdesk.types import Step

_TABLES: Final = (METRICS, STATISTICS, SAMPLED)

Tensors = dict[str, Tensor]


class SnapshotKeeper:
    """Keeps the snapshots of one run.

    Arguments:
        store: where the run lies.
        schedule: decides what goes when the disk budget is full.
        rank: this process; if parameters are sharded it writes its pieces, and the first one
            puts the pieces together.
        notes: of the run, to which what is missing is added.
    """

    def __init__(self, store: Store, schedule: SnapshotSchedule, rank: Rank, notes: list[str]) -> None:
        self._store, self._schedule, self._rank = store, schedule, rank
        self._kept: dict[Step, int] = {}
        self._assembly = Assembly(store, rank, self._keep_whole, notes) if rank.sharded else None

    def keep(self, snapshot: Snapshot) -> None:
        """Write a snapshot, or this process's piece of it."""
        if self._rank.sharded:
            write_piece(self._store, snapshot, self._rank.number)
        else:
            self._keep(snapshot.step, snapshot.tensors, snapshot.extra, snapshot.metadata, snapshot.is_last)

    def assemble(self) -> bool:
        """Make snapshots of complete sets of pieces; whether none is left that waits for others."""
        return self._assembly is None or self._assembly.assemble(self._limit())

    @property
    def pieces_seen(self) -> int:
        """How many pieces of all processes there were so far."""
        return 0 if self._assembly is None else self._assembly.pieces_seen

    def give_up(self) -> None:
        """Remove pieces whose others did not come, and say so."""
        if self._assembly is not None:
            self._assembly.give_up()

    def _limit(self) -> int:
        return self._schedule.disk if self._schedule.every is None else sys.maxsize

    def _keep_whole(self, step: Step, tensors: Tensors, metadata: Mapping[str, str]) -> None:
        state = {name: tensor for name, tensor in tensors.items() if "@" not in name}
        extra = {name: tensor for name, tensor in tensors.items() if "@" in name}
        about = {key: text for key, text in metadata.items() if key in ("optimizer", "options")}
        self._keep(step, state, extra, about, json.loads(metadata["is_last"]))

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
        names = [name for folder in _TABLES for name in self._store.names(folder)]
        return sum(self._store.size(name) for name in names)
