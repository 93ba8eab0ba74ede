"""What of a run is on the disk, what goes when there is no room, and what of the next snapshot fits."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping

from weightdesk.recording.allotment import AT_LEAST, Allotment, TightBudget, Turns, allot_part
from weightdesk.recording.notes import Notes
from weightdesk.recording.schedule import SnapshotSchedule
from weightdesk.runs.format import TABLES, extra_name, partial_name, snapshot_name
from weightdesk.runs.stores import Store
from weightdesk.types import ParameterName, Step


class DiskBudget:
    """Keeps all files of a run within the bytes that they may take.

    Room for the run's last snapshot is kept free all the time. Streamed snapshots ask for room in the
    training's thread, and all else in the writer's.

    Arguments:
        store: where the run lies.
        schedule: says which snapshots go first; with a fixed stride none goes.
        notes: told if the budget is small for the model.
    """

    def __init__(self, store: Store, schedule: SnapshotSchedule, notes: Notes) -> None:
        self._store, self._schedule, self._notes = store, schedule, notes
        self._wholes: dict[Step, int] = {}
        self._parts: dict[Step, int] = {}  # partial snapshots, and at step 0 what lies beside the weights
        self._last = 0  # bytes of the last snapshot, which is to come
        self._turns = Turns()
        self._tight: TightBudget | None = None
        self._part_schedule = SnapshotSchedule(schedule.disk)  # thins partial ones that the disk has room for
        self._table_parts: dict[str, int] = {}  # bytes of the tables' parts, which never change
        self._lock = threading.Lock()

    def expect_last(self, size: int) -> None:
        """Keep room for the run's last snapshot of this many bytes."""
        with self._lock:
            self._last = size

    def note_whole(self, step: Step, size: int, *, is_last: bool) -> None:
        """Count a whole snapshot as being there; the run's last one stays whatever comes."""
        with self._lock:
            if is_last:
                self._last = size
                self._wholes.pop(step, None)
            else:
                self._wholes[step] = size

    def make_room(self, step: Step, size: int, *, is_last: bool) -> bool:
        """Make room for a whole snapshot; whether it may be written."""
        with self._lock:
            others = {each: bytes_ for each, bytes_ in self._wholes.items() if each != step}
            reserve = 0 if is_last else self._last
            dropped, fits = self._schedule.make_room(others, self._table_bytes(), size + reserve)
            self._drop_wholes(dropped)
            return fits or is_last or not others

    def allot(
        self,
        step: Step,
        weights: Mapping[ParameterName, int],
        beside: Mapping[ParameterName, int],
        state: int,
        part: frozenset[ParameterName] | None = None,
    ) -> Allotment:
        """Make room for as much of a step as may be kept, and count it as being there.

        Arguments:
            step: optimizer steps done.
            weights: bytes of each parameter.
            beside: bytes of its gradient, update and optimizer state.
            state: bytes of the whole state dict.
            part: the parameters to which the cost budget limits the step, chosen by `choose`.
        """
        size = state + sum(beside.values())
        with self._lock:
            self._last = state
            tables = self._table_bytes()
            if self._schedule.every is not None:
                return Allotment(True, frozenset(beside))
            costs = {name: bytes_ + (weights[name] if step else 0) for name, bytes_ in beside.items()}
            if self._tight is None and AT_LEAST * size + state + tables <= self._schedule.disk:
                allotment = self._allot_ample(step, costs, size, tables + state, part)
            else:
                allotment = self._allot_tight(step, costs, (state, size, tables), part)
            self._drop_wholes(allotment.dropped)
            self._drop_parts(allotment.dropped_parts)
            if allotment.is_whole:
                self._wholes[step] = size
            elif allotment.names:
                self._parts[step] = sum(costs[name] for name in allotment.names)
                self._turns.held[step] = allotment.names
            return allotment

    def correct(self, step: Step) -> None:
        """Count what a step really takes, now that its files are there: less than was made room for."""
        with self._lock:
            if step in self._parts:
                self._parts[step] = self._bytes_of(extra_name(step)) + self._bytes_of(partial_name(step))
            elif step in self._wholes:
                self._wholes[step] = self._bytes_of(extra_name(step)) + self._bytes_of(snapshot_name(step))

    def _bytes_of(self, name: str) -> int:
        return self._store.size(name) if self._store.exists(name) else 0

    def choose(self, costs: Mapping[ParameterName, int], allowed: int) -> frozenset[ParameterName]:
        """The parameters that come next in a partial snapshot of so many bytes, in the long run."""
        with self._lock:
            taken = self._table_bytes() + self._last + sum(self._wholes.values())
            room = self._schedule.disk - taken if self._tight is None else self._tight.part_room
            return self._turns.choose(costs, min(AT_LEAST * allowed, room))

    def room_left(self) -> int:
        """Bytes for what is neither a table nor a snapshot with a file of its own."""
        with self._lock:
            taken = self._table_bytes() + self._last + sum(self._wholes.values()) + sum(self._parts.values())
            return self._schedule.disk - taken

    def thin(self) -> None:
        """Remove snapshots if the tables have grown into their room."""
        with self._lock:
            if self._schedule.every is not None:
                return
            others = self._table_bytes() + self._last
            parts = {step: size for step, size in self._parts.items() if step}
            fixed = others + sum(self._wholes.values()) + self._parts.get(0, 0)
            thinned = self._part_schedule if self._tight is None else self._schedule
            self._drop_parts(thinned.make_room(parts, fixed, 0)[0])
            fixed = others + sum(self._parts.values())
            self._drop_wholes(self._schedule.make_room(self._wholes, fixed, 0)[0])

    def _allot_ample(
        self,
        step: Step,
        costs: Mapping[ParameterName, int],
        size: int,
        others: int,
        part: frozenset[ParameterName] | None,
    ) -> Allotment:
        """There is room for eight whole snapshots; partial ones, in between, make room for them."""
        parts = {each: bytes_ for each, bytes_ in self._parts.items() if each}
        taken = others + sum(bytes_ for each, bytes_ in self._wholes.items() if each != step)
        if part is not None:
            return allot_part(part, costs, (self._part_schedule, parts, taken))
        gone, _ = self._part_schedule.make_room(parts, taken, size)
        others += sum(bytes_ for each, bytes_ in parts.items() if each not in gone)
        wholes = {each: bytes_ for each, bytes_ in self._wholes.items() if each != step}
        dropped, fits = self._schedule.make_room(wholes, others, size)
        return Allotment(fits, frozenset(costs if fits else ()), tuple(dropped), tuple(gone))

    def _allot_tight(
        self,
        step: Step,
        costs: Mapping[ParameterName, int],
        sizes: tuple[int, int, int],
        part: frozenset[ParameterName] | None,
    ) -> Allotment:
        state, size, tables = sizes
        first = self._wholes.get(0, state) + self._parts.get(0, 0)
        if self._tight is None:
            self._tight = TightBudget(self._schedule, self._turns)
            self._tell(size, state + first + tables)
        wholes = {each: bytes_ for each, bytes_ in self._wholes.items() if each}
        parts = {each: bytes_ for each, bytes_ in self._parts.items() if each}
        room = max(0, self._schedule.disk - tables - state - first)
        return self._tight.allot(step, costs, size, room, (wholes, parts), part)

    def _tell(self, size: int, others: int) -> None:
        """Say once that the budget is small for the model, and what to set."""
        enough = math.ceil((AT_LEAST * size + others) * 1.05 / 10**8) / 10  # some more for the tables
        text = (
            f'disk="{self._schedule.disk / 1e9:g}GB" has no room for {AT_LEAST} snapshots of this model, '
            f"which take {size / 1e9:.2g} GB each with gradients, updates and optimizer state: between the "
            "first and the last one the largest parameters are kept less often; "
            f'disk="{enough:g}GB" keeps all of them'
        )
        self._notes.add(text, aloud=True)

    def _drop_wholes(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self._store.delete(extra_name(step))
            self._store.delete(snapshot_name(step))
            del self._wholes[step]

    def _drop_parts(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self._store.delete(extra_name(step))
            self._store.delete(partial_name(step))
            del self._parts[step]
            self._turns.held.pop(step, None)

    def _table_bytes(self) -> int:
        names = [name for folder in TABLES for name in self._store.names(folder)]
        known = self._table_parts
        self._table_parts = {name: known.get(name) or self._store.size(name) for name in names}
        return sum(self._table_parts.values())
