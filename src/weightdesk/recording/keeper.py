"""Begins snapshots, and brings them to their places within the disk budget."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Final

from torch import Tensor, nn
from torch.optim import Optimizer

from weightdesk.recording.assembly import Assembly
from weightdesk.recording.diskbudget import DiskBudget
from weightdesk.recording.everystep import ROOM, EveryStep, is_small
from weightdesk.recording.notes import Notes
from weightdesk.recording.pieces import write_piece
from weightdesk.recording.ranks import Rank
from weightdesk.recording.schedule import SnapshotSchedule
from weightdesk.recording.snapshot import Snapshot, memory_of
from weightdesk.recording.spool import Spool
from weightdesk.recording.streaming import Part, StreamedSnapshot, bytes_beside
from weightdesk.recording.subject import Subject
from weightdesk.runs.format import SNAPSHOTS, snapshot_name
from weightdesk.runs.snapshots import write_extra, write_snapshot
from weightdesk.runs.stores import Store
from weightdesk.types import ParameterName, Step

STREAMED: Final = 1 << 24
"""Bytes of parameters and buffers from which on snapshots are streamed. Below it the copies of all that may
wait to be written, five times the weights for each of three snapshots with Adam, stay below 250 MB."""

Tensors = dict[str, Tensor]
Parameters = Mapping[ParameterName, nn.Parameter]


class SnapshotKeeper:
    """Keeps the snapshots of one run.

    Arguments:
        store: where the run lies.
        schedule: decides what goes when the disk budget is full.
        rank: this process; if parameters are sharded it writes its pieces, and the first one
            puts the pieces together.
        notes: told of snapshots that are left out, or of which pieces are missing.
    """

    def __init__(self, store: Store, schedule: SnapshotSchedule, rank: Rank, notes: Notes) -> None:
        self._store, self._schedule, self._rank = store, schedule, rank
        self._every_step: EveryStep | None = None
        self._streams: bool | None = None
        self._disk = DiskBudget(store, schedule, notes)
        self._assembly = Assembly(store, rank, self._keep_whole, notes) if rank.sharded else None

    def streams(self, subject: Subject) -> bool:
        """Whether snapshots are written in the training loop, as the model's size at first asks for."""
        if self._rank.sharded:
            return False
        if self._streams is None:
            self._streams = subject.nbytes >= STREAMED
        return self._streams

    def spool(self) -> Spool:
        """A new spool on the disk of the run."""
        return Spool(self._store.scratch(f"{SNAPSHOTS}/spool").parent)

    def begin(self, subject: Subject, step: Step, part: Part | None = None) -> Snapshot | StreamedSnapshot:
        """A snapshot of an optimizer step, to be told what is there before and after it.

        Arguments:
            subject: what is recorded.
            step: optimizer steps done.
            part: parameters to which that of a large model is limited.
        """
        if self.streams(subject):
            return StreamedSnapshot(subject, step, self._store, self._disk.allot, part)
        return Snapshot(subject, step)

    def choose_part(self, subject: Subject, parameters: Mapping[Optimizer, Parameters], allowed: int) -> Part:
        """The parameters of a partial snapshot, if it may have so many bytes in the long run.

        Arguments:
            subject: what is recorded.
            parameters: of each optimizer.
            allowed: bytes.
        """
        costs = {
            name: parameters[optimizer][name].nbytes + beside
            for optimizer in parameters
            for name, beside in bytes_beside(subject, parameters[optimizer], optimizer).items()
        }
        return self._disk.choose(costs, allowed)

    @property
    def is_full(self) -> bool:
        """Whether so many steps of a small model wait that the next one had better be left out."""
        return self._every_step is not None and self._every_step.is_full

    def keep_every_step(self, subject: Subject) -> bool:
        """Keep every step from now on if the model is small and has no fixed stride; whether so."""
        if self._schedule.every is not None or self._rank.sharded:
            return False
        if is_small(subject, min(ROOM, self._disk.room_left())):
            self._every_step = EveryStep(self._store, len(subject.optimizers))
            self._schedule.keep_every(self._every_step.stride)
        return self._every_step is not None

    def take(self, subject: Subject, step: Step, *, is_last: bool = False) -> Snapshot | StreamedSnapshot:
        """A snapshot of the weights alone."""
        if not self.streams(subject):
            return Snapshot(subject, step, is_last=is_last)
        snapshot = StreamedSnapshot(subject, step, self._store, self._disk.allot, is_last=is_last)
        self._disk.note_whole(step, snapshot.write_whole(), is_last=is_last)
        return snapshot

    def add_step(self, snapshot: Snapshot | StreamedSnapshot) -> bool:
        """Put a step of a small model with those that wait for the next flush; whether it is one."""
        if self._every_step is None or isinstance(snapshot, StreamedSnapshot) or snapshot.is_last:
            return False
        self._every_step.add(snapshot)
        # The file of step 0 is to have the weights from which the first step started.
        return snapshot.step > 0

    def keep(self, snapshot: Snapshot | StreamedSnapshot) -> None:
        """Write a snapshot, or this process's piece of it."""
        if isinstance(snapshot, StreamedSnapshot):
            for name, file in snapshot.files():
                self._store.write(name, file.move)
            if snapshot.is_full:
                self._disk.correct(snapshot.step)
        elif self._rank.sharded:
            write_piece(self._store, snapshot, self._rank.number)
        else:
            self._keep(
                snapshot.step, snapshot.tensors, snapshot.extra, snapshot.metadata,
                is_last=snapshot.is_last, is_repeated=snapshot.is_repeated,
            )  # fmt: skip

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
        self._keep(step, state, extra, about, is_last=json.loads(metadata["is_last"]))

    def flush(self) -> None:
        """Write the steps that wait, and remove what the tables have grown into the room of."""
        if self._every_step is not None:
            self._every_step.flush(self._disk.room_left())
            self._schedule.keep_every(self._every_step.stride)
        else:
            self._disk.thin()

    def _keep(
        self,
        step: Step,
        state: Tensors,
        extra: Tensors,
        about: dict[str, str],
        *,
        is_last: bool,
        is_repeated: bool = False,
    ) -> None:
        """Write what fits.

        Arguments:
            step: optimizer steps done.
            state: the tensors of the state dict.
            extra: what belongs beside them.
            about: metadata of these.
            is_last: whether it stays whatever comes.
            is_repeated: whether the state was handed over before, and need not be written again.
        """
        size = memory_of(state.values())
        self._disk.expect_last(size)
        if self._disk.make_room(step, size + memory_of(extra.values()), is_last=is_last):
            # The extra file first, so that whoever sees the snapshot finds its gradients, too.
            size = write_extra(self._store, step, extra, metadata=about) if extra else 0
            name = snapshot_name(step)
            is_written = is_repeated and self._store.exists(name)
            size += self._store.size(name) if is_written else write_snapshot(self._store, step, state)
            self._disk.note_whole(step, size, is_last=is_last)
