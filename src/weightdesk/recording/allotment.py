"""What of a snapshot is kept if the cost budget allows no whole one, or the disk budget fewer than eight.

If the disk is short, whole snapshots take half of the room, if one fits into it, and partial ones the rest.
In a partial snapshot the small parameters come every time, and the large ones take turns.
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


def allot_part(
    names: frozenset[ParameterName],
    costs: Mapping[ParameterName, int],
    room: tuple[SnapshotSchedule, Mapping[Step, int], int],
    dropped: tuple[Step, ...] = (),
) -> Allotment:
    """A partial snapshot, if there can be room for it.

    Arguments:
        names: parameters that it is to have.
        costs: bytes of each parameter with what belongs to it.
        room: what thins the partial snapshots, bytes of each of them on the disk, and bytes of all else.
        dropped: steps whose whole snapshot is to be removed in any case.
    """
    schedule, parts, others = room
    gone, fits = schedule.make_room(parts, others, sum(costs[name] for name in names))
    return Allotment(False, names if fits else frozenset(), dropped, tuple(gone))


class TightBudget:
    """Shares a disk budget out among whole and partial snapshots.

    Arguments:
        schedule: says which steps are due; partial snapshots are thinned by it.
        turns: choose the parameters of partial snapshots.

    Attributes:
        part_room: bytes that all partial snapshots may take, as of the last step.
    """

    def __init__(self, schedule: SnapshotSchedule, turns: Turns) -> None:
        self._parts, self._wholes, self._turns = schedule, SnapshotSchedule(schedule.disk), turns
        self.part_room = 0

    def allot(
        self,
        step: Step,
        costs: Mapping[ParameterName, int],
        whole: int,
        room: int,
        kept: tuple[Mapping[Step, int], Mapping[Step, int]],
        part: frozenset[ParameterName] | None = None,
    ) -> Allotment:
        """Decide on one step.

        Arguments:
            step: optimizer steps done.
            costs: bytes of each parameter with what belongs to it.
            whole: bytes of a whole snapshot with all that belongs to it.
            room: bytes that whole snapshots but the first and the last, and partial ones, may take.
            kept: bytes of each of these whole snapshots on the disk, and of each of the partial ones.
            part: the parameters to which the cost budget limits the step.
        """
        wholes, parts = kept
        half = room // 2 if whole <= room // 2 else 0
        self.part_room = room - half
        dropped: list[Step] = [] if half else sorted(wholes)  # left from when there was more room
        if half and part is None and self._wholes.is_due(step):
            dropped, fits = self._wholes.make_room(wholes, self._wholes.disk - half, whole)
            if fits:
                return Allotment(True, frozenset(costs), tuple(dropped))
        names = self._turns.choose(costs, self.part_room) if part is None else part
        others = self._parts.disk - self.part_room
        return allot_part(names, costs, (self._parts, parts, others), tuple(dropped))
