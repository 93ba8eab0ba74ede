"""The thread that writes a run while the training goes on.

The training hands over what it measured and goes on at once. Tables are flushed at a fixed
interval, which is also the most that a killed process can lose; snapshots are written as they
come. The first error ends the writing: it is kept for the recorder, which tells the user.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

import pyarrow as pa

from weightdesk.recording.keeper import SnapshotKeeper
from weightdesk.recording.meter import Batch
from weightdesk.recording.passes import SeenPass, passes_table
from weightdesk.recording.sampling import Sampler
from weightdesk.recording.snapshot import Snapshot
from weightdesk.recording.tables import (
    MetricsRow,
    metrics_table,
    sampled_table,
    statistics_table,
)
from weightdesk.runs.format import METRICS, PASSES, SAMPLED, STATISTICS
from weightdesk.runs.parts import PartWriter
from weightdesk.runs.stores import Store

FLUSH_INTERVAL: Final = 1.0
"""Seconds between two flushes."""

T = TypeVar("T")

_PATIENCE: Final = 30.0
"""Seconds that the first process waits at the end for pieces of the others."""

_PASSES: Final = 128
"""Forward passes that one flush reads at most; each takes about half a millisecond."""

GLANCE: Final = 0.05
"""Seconds between two looks at whether whoever closes still waits."""

_BACKLOG: Final = 2
"""Snapshots that may wait to be written."""


class Writer:
    """Writes tables and snapshots of one process to a store.

    Arguments:
        store: where the run lies.
        sampler: asked for the sampled weights at each flush.
        keeper: writes the snapshots.
        charge: told the processor seconds that the thread used.
        rank: number of this process among those that write to the store.
        interval: seconds between two flushes.
    """

    def __init__(
        self,
        store: Store,
        sampler: Sampler,
        keeper: SnapshotKeeper,
        charge: Callable[[str, float], None],
        rank: int = 0,
        interval: float = FLUSH_INTERVAL,
    ) -> None:
        self.error: Exception | None = None
        self._store, self._sampler, self._keeper, self._charge = store, sampler, keeper, charge
        self._interval = interval
        self._parts = {
            folder: PartWriter(store, folder, rank=rank) for folder in (METRICS, STATISTICS, SAMPLED, PASSES)
        }
        self._metrics: deque[MetricsRow] = deque()
        self._statistics: deque[Batch] = deque()
        self._passes: deque[SeenPass] = deque()
        self._snapshots: deque[Snapshot] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="weightdesk-writer", daemon=True)
        self._thread.start()

    def add_metrics(self, row: MetricsRow) -> None:
        """Write a row of logged scalars at the next flush."""
        self._metrics.append(row)

    def add_statistics(self, batch: Batch) -> None:
        """Write a batch of statistics at the next flush."""
        self._statistics.append(batch)

    def add_pass(self, seen: SeenPass) -> None:
        """Write a row about a forward pass at the next flush."""
        self._passes.append(seen)

    def add_snapshot(self, snapshot: Snapshot) -> None:
        """Write a snapshot soon."""
        with self._changed:
            self._snapshots.append(snapshot)
            self._changed.notify_all()

    @property
    def is_behind(self) -> bool:
        """Whether enough snapshots wait to be written."""
        return len(self._snapshots) >= _BACKLOG

    def wait(self, allowed: int = _BACKLOG - 1, patience: float | None = None) -> None:
        """Wait until no more snapshots than allowed are left to write, for some seconds at most."""
        with self._changed:
            self._changed.wait_for(
                lambda: len(self._snapshots) <= allowed or self.error is not None, patience
            )

    @property
    def is_alive(self) -> bool:
        """Whether the thread may still write."""
        return self._thread.is_alive()

    def close(self, gives_up: Callable[[], bool] = lambda: False) -> None:
        """Write all that is left, merge the parts and end the thread.

        Arguments:
            gives_up: asked again and again whether to wait no longer; the thread then goes on alone.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        while self._thread.is_alive() and not gives_up():
            self._thread.join(GLANCE)

    def _run(self) -> None:
        try:
            while not self._closing:
                self._work_until(time.monotonic() + self._interval)
                began = time.thread_time()
                self._flush()
                self._keeper.assemble()
                for parts in self._parts.values():
                    parts.merge()
                self._charge("other", time.thread_time() - began)
            self._write_waiting()
            self._flush()
            self._wait_for_pieces()
            for parts in self._parts.values():
                parts.close()
        except Exception as error:  # whatever it is, the training must go on
            with self._changed:
                self.error = error
                self._changed.notify_all()

    def _work_until(self, deadline: float) -> None:
        """Write snapshots as they come until it is time to flush."""
        while not self._closing and (left := deadline - time.monotonic()) > 0:
            with self._changed:
                if not self._changed.wait_for(lambda: self._snapshots or self._closing, left):
                    return
            began = time.thread_time()
            self._write_waiting()
            self._charge("writing", time.thread_time() - began)

    def _write_waiting(self) -> None:
        while self._snapshots:
            self._keeper.keep(self._snapshots[0])
            with self._changed:
                self._snapshots.popleft()
                self._changed.notify_all()

    def _wait_for_pieces(self) -> None:
        """Give other processes some time to write their pieces of the last snapshots."""
        deadline = time.monotonic() + _PATIENCE
        while not self._keeper.assemble() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _flush(self) -> None:
        self._store.renew()
        metrics, statistics, sampled = _drain(self._metrics), _drain(self._statistics), self._sampler.take()
        tables: dict[str, pa.Table] = {}
        if metrics:
            tables[METRICS] = metrics_table(metrics)
        if statistics:
            tables[STATISTICS] = statistics_table(statistics)
        if sampled:
            tables[SAMPLED] = sampled_table(self._sampler.held, sampled)
        for folder, table in tables.items():
            self._parts[folder].append(table)
        if passes := _spread(_drain(self._passes)):  # last: to read them takes longest
            self._parts[PASSES].append(passes_table(passes))


def _spread(passes: list[SeenPass]) -> list[SeenPass]:
    """As many as a flush has time for, evenly taken."""
    apart = -(-len(passes) // _PASSES)
    return passes[:: max(1, apart)]


def _drain(waiting: deque[T]) -> list[T]:
    """Take out what is there now; the training may go on adding meanwhile."""
    return [waiting.popleft() for _ in range(len(waiting))]
