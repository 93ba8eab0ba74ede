"""What is due at which step, looked up only at the steps that may have something due."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from weightdesk.recording.budget import CostBudget
from weightdesk.recording.schedule import SnapshotSchedule
from weightdesk.runs.format import SAMPLED, STATISTICS
from weightdesk.types import Step

_REVIEW: Final = 16
"""Rounds after which the strides are looked at again in any case; sooner in the first ones, when little
is known of their time."""

_CLOSE: Final = 8
"""While recording may be ahead of its share, statistics and snapshots are taken at every 8th round, and from
the 32nd on twice each time that the rounds double: so a short training is told from end to end."""


class Agenda:
    """Says what a step gets, and when to ask again.

    The steps of several optimizers, one after another, count as one round, so that a stride does
    not always meet the same optimizer.

    Arguments:
        budget: says how often each can be afforded.
        schedule: says which rounds may get a snapshot.
        together: steps of a round.
        sparsest: the strides that the disk budget asks for, by table; they grow while the run does.
        alike: whether several processes must decide alike on snapshots and sampled weights, whose parts
            are put together later, by the step alone.

    Attributes:
        statistics: whether the step last looked at gets statistics.
        snapshot: whether it gets a whole snapshot.
        part: bytes that partial snapshots of its round may have; 0 if it gets none.
        begins_part: whether the parameters of these are to be chosen now, for all steps of the round.
        sampling: at every how many rounds weights are sampled from now on.
        longest: the longest stride of the sampled weights so far.
        put_off: what the first round did not get because it would have taken too long.
    """

    def __init__(
        self,
        budget: CostBudget,
        schedule: SnapshotSchedule,
        together: int,
        *,
        alike: bool,
        sparsest: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.statistics = self.snapshot = False
        self.part = self._part_round = 0  # the last round with snapshots
        self.begins_part = False
        self.sampling = self.longest = 1
        self.put_off: tuple[str, ...] = ()
        self._budget, self._schedule, self._together, self._alike = budget, schedule, together, alike
        self._sparsest = sparsest

    def look_at(self, step: Step) -> Step:
        """Decide on a step; return the next step worth looking at: until then nothing is due."""
        round_ = step // self._together
        apart = self._schedule.next_due(round_) - round_
        early = max(_CLOSE, 1 << (max(1, round_ // 2).bit_length() - 1))
        stride = max(self._stride("statistics", apart, early), self._sparsest.get(STATISTICS, 1))
        affordable = 1 if self._alike else self._stride("snapshot", apart, early)
        sampling = 1 if self._alike else self._stride("sampling", apart, 1)
        self.sampling = max(sampling, self._sparsest.get(SAMPLED, 1))
        self.longest = max(self.longest, self.sampling)
        if not step:
            limited = ("statistics",) if self._alike else ("statistics", "snapshot")
            self.put_off = tuple(activity for activity in limited if self._budget.is_put_off(activity))
        put_off = () if round_ else self.put_off
        self.statistics = round_ % stride == 0 and "statistics" not in put_off
        self.snapshot = self._schedule.is_due(round_, affordable) and "snapshot" not in put_off
        may_have_part = self._budget.is_divisible and not self.snapshot and self._schedule.is_due(round_)
        # what one optimizer's step gets, the others' of the round get, too
        self.begins_part = may_have_part and round_ != self._part_round
        if self.begins_part:
            self.part = self._budget.bytes_for_part(step - self._part_round * self._together)
        elif not may_have_part:
            self.part = 0
        if self.snapshot or self.part:
            self._part_round = round_
        if self.statistics or self.snapshot or self.part:
            return step + 1
        review = round_ + min(_REVIEW, max(1, round_))
        upcoming = min((round_ // stride + 1) * stride, self._schedule.next_due(round_), review)
        return upcoming * self._together

    def _stride(self, activity: str, apart: int, early: int) -> int:
        affordable = self._budget.stride(activity, apart)
        return min(affordable, early) if self._budget.may_advance(activity) else affordable

    def next_sample(self, step: Step) -> Step:
        """The first step from this one on whose weights are sampled, by the strides of the last look."""
        missing = -(step // self._together) % self.sampling
        return (step // self._together + missing) * self._together if missing else step
