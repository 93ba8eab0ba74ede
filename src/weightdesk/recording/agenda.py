"""What is due at which step, looked up only at the steps that may have something due."""

from __future__ import annotations

from typing import Final

from weightdesk.recording.budget import CostBudget
from weightdesk.recording.schedule import SnapshotSchedule
from weightdesk.types import Step

_REVIEW: Final = 16
"""Steps after which the strides are looked at again in any case."""


class Agenda:
    """Says whether a step gets statistics or a snapshot, and when to ask again.

    The steps of several optimizers, one after another, count as one round, so that a stride does
    not always meet the same optimizer.

    Arguments:
        budget: says how often each can be afforded.
        schedule: says which rounds may get a snapshot.
        together: steps of a round.
        alike: whether several processes must decide alike on snapshots, by the step alone.

    Attributes:
        statistics: whether the step last looked at gets statistics.
        snapshot: whether it gets a snapshot.
    """

    def __init__(self, budget: CostBudget, schedule: SnapshotSchedule, together: int, *, alike: bool) -> None:
        self.statistics = self.snapshot = False
        self._budget, self._schedule, self._together, self._alike = budget, schedule, together, alike

    def look_at(self, step: Step) -> Step:
        """Decide on a step; return the next step worth looking at: until then nothing is due."""
        round_ = step // self._together
        stride = self._budget.stride("statistics")
        affordable = 1 if self._alike else self._budget.stride("snapshot")
        self.statistics = round_ % stride == 0
        self.snapshot = self._schedule.is_due(round_, affordable)
        if self.statistics or self.snapshot:
            return step + 1
        upcoming = min((round_ // stride + 1) * stride, self._schedule.next_due(round_), round_ + _REVIEW)
        return upcoming * self._together
