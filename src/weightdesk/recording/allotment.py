"""What of a snapshot is kept where the disk budget is too small for eight whole ones.

Whole snapshots then take half of the room, if one fits into it, and partial ones the rest. In a partial
snapshot the small parameters come every time, and the large ones take turns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from weightdesk.recording.schedule import SnapshotSchedule
from weightdesk.types import ParameterName, Step

AT_LEAST: Final = 8
"""Snapshots that a budget should allow: as many as are taken while the number of steps doubles."""

_EVERY_TIME: Final = 0.5
"""Share of a partial snapshot for the parameters that come every time; the rest is for those in turn."""


@dataclass(frozen=True)
class Allotment:
    """What is to be kept of one step.

    Attributes:
        is_whole: whether the whole state dict is kept.
        names: parameters of which gradient, update and state are kept, and the weights in any case.
        dropped: steps whose whole snapshot is to be removed before.
        dropped_parts: steps whose partial snapshot is.
    """

    is_whole: bool
    names: frozenset[ParameterName]
    dropped: tuple[Step, ...] = ()
    dropped_parts: tuple[Step, ...] = ()


class Turns:
    """Chooses the parameters of partial snapshots.

    What a snapshot may have is saved up until the next of the large parameters can be paid for: of
    these the one comes first that is on the disk the fewest times, so that what was thinned out comes
    again. One that would take more than half of all the room never comes.

    >>> turns = Turns()
    >>> costs = {"embed": 300, "fc1": 30, "fc2": 30, "bias": 1}
    >>> for step in range(1, 5):
    ...     names = turns.choose(costs, room=200)
    ...     turns.held[step] = names
    ...     print(sorted(names))
    ['bias']
    ['bias', 'fc1']
    ['bias', 'fc2']
    ['bias', 'fc1']
    """

    def __init__(self) -> None:
        self.held: dict[Step, frozenset[ParameterName]] = {}
        """Parameters of each partial snapshot that is on the disk."""
        self._saved = 0.0

    def choose(self, costs: Mapping[ParameterName, int], room: int) -> frozenset[ParameterName]:
        """The parameters that come next.

        Arguments:
            costs: bytes of each parameter with what belongs to it.
            room: bytes for all partial snapshots together.
        """
        allowed = max(0, room) / AT_LEAST
        chosen: list[ParameterName] = []
        small = 0
        for name in sorted(costs, key=costs.__getitem__):
            if small + costs[name] > _EVERY_TIME * allowed:
                break
            small += costs[name]
            chosen.append(name)
        self._saved = min(self._saved + allowed - small, room / 2)
        times = Counter(name for names in self.held.values() for name in names)
        waiting = sorted(costs.keys() - set(chosen), key=lambda name: (times[name], list(costs).index(name)))
        for name in waiting:
            if costs[name] > room / 2:
                continue
            if costs[name] > self._saved:
                break  # it saves up for the next one, lest only the cheaper ones ever came
            self._saved -= costs[name]
            chosen.append(name)
        return frozenset(chosen)


class TightBudget:
    """Shares a disk budget out among whole and partial snapshots.

    Arguments:
        schedule: says which steps are due; partial snapshots are thinned by it.
    """

    def __init__(self, schedule: SnapshotSchedule) -> None:
        self._parts, self._wholes = schedule, SnapshotSchedule(schedule.disk)
        self._turns = Turns()

    def allot(
        self,
        step: Step,
        costs: Mapping[ParameterName, int],
        whole: int,
        room: int,
        kept: tuple[Mapping[Step, int], Mapping[Step, int]],
    ) -> Allotment:
        """Decide on one step.

        Arguments:
            step: optimizer steps done.
            costs: bytes of each parameter with what belongs to it.
            whole: bytes of a whole snapshot with all that belongs to it.
            room: bytes that whole snapshots but the first and the last, and partial ones, may take.
            kept: bytes of each of these whole snapshots on the disk, and of each of the partial ones.
        """
        wholes, parts = kept
        half = room // 2 if whole <= room // 2 else 0
        dropped: list[Step] = [] if half else sorted(wholes)  # left from when there was more room
        if half and self._wholes.is_due(step):
            dropped, fits = self._wholes.make_room(wholes, self._wholes.disk - half, whole)
            if fits:
                return Allotment(True, frozenset(costs), tuple(dropped))
        names = self._turns.choose(costs, room - half)
        size = sum(costs[name] for name in names)
        gone, fits = self._parts.make_room(parts, self._parts.disk - (room - half), size)
        for each in gone:
            self._turns.held.pop(each, None)
        names = names if fits else frozenset()
        if names:
            self._turns.held[step] = names
        return Allotment(False, names, tuple(dropped), tuple(gone))
