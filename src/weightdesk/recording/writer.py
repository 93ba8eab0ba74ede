"""The thread that writes a run while the training goes on.

The training hands over what it measured and goes on at once. Tables are flushed at a fixed
interval, which is also the most that a killed process can lose; snapshots are written as they
come. The first error ends the writing: it is kept for the recorder, which tells the user.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import pyarrow as pa

from weightdesk.recording.keeper import SnapshotKeeper
from weightdesk.recording.meter import Batch
from weightdesk.recording.metricsrows import MetricsRows
from weightdesk.recording.passes import PassQueue, passes_table
from weightdesk.recording.sampling import Sampler
from weightdesk.recording.snapshot import Snapshot
from weightdesk.recording.streaming import StreamedSnapshot
from weightdesk.recording.tablebudget import TableBudget
from weightdesk.recording.tables import (
    metrics_table,
    sampled_table,
    statistics_table,
)
from weightdesk.runs.format import METRICS, PASSES, SAMPLED, STATISTICS, TABLES
from weightdesk.runs.parts import PartWriter
from weightdesk.runs.stores import Store
from weightdesk.statistics.team import work_alone

FLUSH_INTERVAL: Final = 1.0
"""Seconds between two flushes."""

T = TypeVar("T")

_PATIENCE: Final = 4.0
"""Seconds that the first process waits at the end for the next piece of the others: they train in step
with it, so that only a process that has died takes longer than one that writes as fast as this one."""

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
        charge: told the processor seconds that the thread used, for which activity and for how many steps.
        rank: number of this process among those that write to the store.
        interval: seconds between two flushes.
        each_flush: called at each flush, too.
        disk: bytes that the run may take; None leaves its tables as they are.
        together: steps of a round: strides count rounds.

    Attributes:
        error: what ended the writing.
        metrics: logged scalars, of which the next flush writes rows in the first process.
        passes: forward passes of which the next flush writes rows.
    """

    def __init__(
        self,
        store: Store,
        sampler: Sampler,
        keeper: SnapshotKeeper,
        charge: Callable[[str, float, int], None],
        rank: int = 0,
        interval: float = FLUSH_INTERVAL,
        disk: int | None = None,
        together: int = 1,
        each_flush: Callable[[], None] = lambda: None,
    ) -> None:
        self.error: Exception | None = None
        self._store, self._sampler, self.keeper, self._charge = store, sampler, keeper, charge
        self._rank, self._interval, self._each_flush = rank, interval, each_flush
        self._parts = {folder: PartWriter(store, folder, rank=rank) for folder in TABLES}
        self._tables = TableBudget(self._parts, disk, together)
        self.metrics = MetricsRows()
        self._statistics: deque[Batch] = deque()
        self.passes = PassQueue()
        self._snapshots: deque[Snapshot | StreamedSnapshot] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="weightdesk-writer", daemon=True)
        self._thread.start()

    def add_statistics(self, batch: Batch) -> None:
        """Write a batch of statistics at the next flush."""
        self._statistics.append(batch)

    def add_snapshot(self, snapshot: Snapshot | StreamedSnapshot) -> None:
        """Write a snapshot soon; the steps of a small model at the next flush, without waking the thread."""
        if self.keeper.add_step(snapshot):
            return
        with self._changed:
            self._snapshots.append(snapshot)
            self._changed.notify_all()

    @property
    def strides(self) -> Mapping[str, int]:
        """Every how many rounds a table has rows, where the disk budget allows no more; it grows."""
        return self._tables.strides

    @property
    def is_behind(self) -> bool:
        """Whether enough snapshots wait to be written."""
        return len(self._snapshots) >= _BACKLOG or self.keeper.is_full

    def wait(self, allowed: int = _BACKLOG - 1, patience: float | None = None) -> bool:
        """Wait until no more snapshots than allowed are left to write, for some seconds at most.

        Returns whether there is nothing to wait for any more: none is written after an error.
        """
        with self._changed:
            return self._changed.wait_for(
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
        work_alone()
        try:
            while not self._closing:
                self._work_until(time.monotonic() + self._interval)
                self._flush()
                began = time.thread_time()
                self.keeper.assemble()
                if not self._tables.is_thinning:
                    for parts in self._parts.values():
                        parts.merge()
                self._charge("other", time.thread_time() - began, 1)
                self._tidy()
            self._flush(is_last=True)
            self.keeper.flush()
            self._tables.finish()
            for parts in self._parts.values():
                parts.close()
            began = time.monotonic()
            self._write_waiting()  # last, so that a process that has written its last piece is done
            self._wait_for_pieces(time.monotonic() - began)
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
            self._write_waiting()

    def _tidy(self) -> None:
        """Keep the tables within their part of the disk; it comes in bursts, so nothing is planned by it."""
        began = time.thread_time()
        self._tables.keep()
        self.keeper.flush()
        self._charge("thinning", time.thread_time() - began, 1)

    def _write_waiting(self) -> None:
        while self._snapshots:
            began, snapshot = time.thread_time(), self._snapshots[0]
            self.keeper.keep(snapshot)
            # the initial weights alone tell nothing of what a whole snapshot takes
            self._charge("snapshot" if snapshot.is_full else "start", time.thread_time() - began, 1)
            with self._changed:
                self._snapshots.popleft()
                self._changed.notify_all()

    def _wait_for_pieces(self, writing: float) -> None:
        """Give other processes some time to write their pieces, and more for each that comes.

        Arguments:
            writing: seconds that this process took for its own; the others may take as long.
        """
        patience = max(_PATIENCE, writing)
        pieces, deadline = self.keeper.pieces_seen, time.monotonic() + patience
        while not self.keeper.assemble():
            if self.keeper.pieces_seen != pieces:
                pieces, deadline = self.keeper.pieces_seen, time.monotonic() + patience
            if time.monotonic() > deadline:
                self.keeper.give_up()
                return
            time.sleep(0.05)

    def _flush(self, *, is_last: bool = False) -> None:
        began = time.thread_time()
        self._store.renew()
        self._each_flush()
        metrics, statistics = self.metrics.take(all_of_it=is_last), _drain(self._statistics)
        sampled, passes = self._sampler.take(), self.passes.take()
        if metrics and not self._rank:
            self._parts[METRICS].append(metrics_table(metrics))
        began = self._account("other", began, 1)
        if sampled:
            self._append(SAMPLED, sampled_table(sampled))
            began = self._account("sampling", began, sum(block.count for block in sampled))
        if statistics:
            self._append(STATISTICS, statistics_table(statistics))
        if passes:  # last: to read them takes longest
            self._append(PASSES, passes_table(passes))
        if statistics or passes:
            self._account("statistics", began, len({batch.step for batch in statistics}))

    def _append(self, folder: str, table: pa.Table) -> None:
        allowed = self._tables.within(folder, table)
        if allowed.num_rows:
            self._parts[folder].append(allowed)

    def _account(self, activity: str, began: float, occurrences: int) -> float:
        """Charge the processor time since some moment; return the present one."""
        now = time.thread_time()
        self._charge(activity, now - began, occurrences)
        return now


def _drain(waiting: deque[T]) -> list[T]:
    """Take out what is there now; the training may go on adding meanwhile."""
    return [waiting.popleft() for _ in range(len(waiting))]
