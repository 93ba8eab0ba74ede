"""How a process takes part in a recording of several: who begins it, who joins it, who is left out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from weightdesk.recording.replicas import ReplicaCheck, differences, notes_on_others
from weightdesk.recording.roster import Entry, Roster, digest_of
from weightdesk.recording.subject import Subject
from weightdesk.recording.warning import warn
from weightdesk.runs.format import MANIFEST
from weightdesk.runs.stores import Store
from weightdesk.types import ParameterName

PATIENCE: Final = 30.0
"""Seconds that `watch` waits for process 0 to call it: processes that start together are seconds apart."""

_APPEARANCE: Final = 5.0
"""Seconds that a file of another machine may take to be seen in a shared folder; NFS caches for 3 or more."""


class Membership:
    """A process among several whose models are cut up, or may be different.

    Arguments:
        store: where the run lies.
        subject: what the process trains.
        places: of the sampled weights.
    """

    def __init__(
        self, store: Store, subject: Subject, places: Mapping[ParameterName, npt.NDArray[np.int64]]
    ) -> None:
        rank = subject.rank
        self.number, self._count, self._store = rank.number, rank.count, store
        self._roster = Roster(store.location, rank.number)
        shapes = {name: list(shard.whole) for name, shard in subject.layout.shards.items()}
        self._own = Entry(shapes, 0 if rank.sharded else digest_of(subject.parameters, places))

    def announce(self, problem: Exception | None = None) -> None:
        """Say what this process holds, or why it cannot record."""
        self._roster.enter(self._own if problem is None else Entry(problem=problem))

    def join(self) -> bool:
        """Wait for process 0 to begin the recording; whether there is one to take part in.

        Raises:
            WeightdeskError: process 0 cannot record.
        """
        first = self._roster.wait_for_first(PATIENCE)
        if first is None:
            return self._stays_out(
                f"process 0 did not call watch with {self._store.location} within {PATIENCE:g} s; "
                "call watch in every process, with the same directory"
            )
        if first.problem is not None:
            raise first.problem
        if difference := differences(self._own, first):
            return self._stays_out(f"{difference} process 0, which is recorded")
        deadline = time.monotonic() + _APPEARANCE
        while not self._store.exists(MANIFEST):
            if time.monotonic() > deadline:
                return self._stays_out(
                    f"it does not see the {MANIFEST} that process 0 wrote to {self._store.location}; "
                    "use a directory that all processes share"
                )
            time.sleep(0.1)
        return True

    def replica_check(self) -> ReplicaCheck:
        """Announce this process, which records nothing, and compare it with process 0 in time."""
        self.announce()
        return ReplicaCheck(self._roster, self.number, self._own)

    def notes_on_others(self) -> list[str]:
        """What process 0 knows at the end of the processes that recorded nothing, a line each."""
        return notes_on_others(self._roster, self._own, self._count)

    def _stays_out(self, reason: str) -> bool:
        warn(f"weightdesk does not record process {self.number}: {reason}")
        return False


def membership_of(
    store: Store, subject: Subject, places: Mapping[ParameterName, npt.NDArray[np.int64]]
) -> Membership | None:
    """The membership of this process; None if it trains alone, or its replicas are known."""
    rank = subject.rank
    is_needed = rank.count > 1 and (not rank.is_certain or (rank.sharded and not rank.is_silent))
    return Membership(store, subject, places) if is_needed else None
