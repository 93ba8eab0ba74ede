"""How much of the training's time recording may take, measured by the recorder itself."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from weightdesk.recording.copies import WORTH_RESERVING
from weightdesk.recording.subject import Subject

_MEMORY: Final = 0.8
"""Weight of the past in the running means: a change of pace is followed within about ten measurements."""
_SPIKE: Final = 4.0
"""Times the running mean that one measurement counts at most: a thread that waits for a core is no cost."""
LONGEST_STRIDE: Final = 1 << 20
"""The stride if nothing is left of the share."""

HEAD_START: Final = 0.05
"""Seconds that recording may be ahead of its share in the beginning, with all that `watch` itself takes: of a
training of a second, 2 % tell nothing. What closing a run takes comes on top. An MLP of 670,000 weights paid
10 % of its first second by effect."""
_HEAD_START_OF_SMALL: Final = 0.08
"""The same for a small model, all of whose steps are kept whatever they need: beside these it is
little, and 300 steps of a small GRU got statistics of six steps instead of three."""
_FIRST_STEP: Final = 2.0
"""Head starts, in all 0.1 s, that `watch` and the first step may take together if a model has many small
parameters: 500 still get statistics of their first step then. Each takes as long to record as a dozen steps
take to train it, however small it is; with 2,000, 10 s of training got 9 % longer."""
_PARTS: Final = {"sampling": 0.2, "statistics": 0.6, "snapshot": 0.15}
"""Of it that an activity may take at most, lest one leaves nothing to the others."""

EFFECT: Final = 1.25
"""What recording takes by its effect over what it measures of itself: calls of hooks begin before its clock,
and the training finds the caches of the processor without its data. By effect on trainings that took steps in
turns with unwatched ones: 1.0 for a GPT of 0.27 s a step, 1.1 for a CNN of 0.15 s, 1.2 to 1.4 for an MLP of
5 ms."""

HOOKS: Final = 2.5e-5
"""Seconds that the calls of hooks take at every step, when the caches hold something else: measured beside
the same steps of an unwatched MLP (20 to 40 µs). To measure them each time would take as long."""

_LEAST: Final = 0.2
"""Of the share that snapshots, sampled weights and statistics get even if what every step costs leaves less:
with an MLP of 5 ms and a scalar logged at each step it takes 1.1 of 2 %; faster ones would record nothing. A
fifth adds up to 0.4 % of the training, and kept an MLP of 30 s within 2 % by effect."""

_OCCURRENCES: Final = 6
"""So often an activity must fit into its part: to a large model, whose steps are long, it would bring little
for much."""

_REPAYMENT: Final = 0.75
"""Of the share that is spent while recording is ahead of it: so 0.1 s are paid back after 20 s at 2 %."""
_PART: Final = 0.125
"""Of what snapshots may take, partial ones get what whole ones leave: a quarter in the mean, since their
stride is rounded up to a power of two. If that leaves nothing they get half of the mean, lest they starve."""
_PART_FILES: Final = 8e-3
"""Seconds that a partial snapshot takes however little is in it, to make two files: measured with eight
biases of 2,048 numbers in it, in a model of 34 million weights."""
_SAMPLING: Final = 0.6
"""Of what snapshots and fixed costs leave goes to sampled weights, so that statistics are not starved."""
_FLUSHES: Final = 0.003
"""Of the time that flushes are taken to need before the first one (measured: 2 to 4 ms, once a second)."""


class CostBudget:
    """Says how often an activity can be afforded, so that recording keeps within its share.

    Inside the training loop time is measured activity by activity; of the writing thread beside it
    the processor time, on the account of the activity whose results it wrote. An activity's stride is
    the smallest power of two at which its running mean fits, so the steps of a long stride are among
    those of a short one.

    Activities are `sampling`, `statistics` and `snapshot`; `part`, the partial snapshots of a large model;
    and `other`, which is what every step costs in the loop and every flush beside it. Snapshots may take
    half of what that leaves of the share, partial ones what whole ones leave of it. The rest (they become
    rare in a long training) is for sampled weights first, then for statistics.

    Arguments:
        share: of the training's own time, such as 0.02; None for no limit.
        head_start: seconds that may be spent beyond it in the beginning.
        clock: of the training loop, in seconds. The wall clock counts what a device is waited for;
            `time.thread_time` is not disturbed by other programs that want the same cores.
        effect: times what is measured of recording that is counted as taken by it.
        hooks: seconds that recording takes at every step beside what it measures.
        is_fixed: whether snapshots are taken whatever they need, at a fixed stride or at every step of a
            small model; then they use up nothing of the share.

    Attributes:
        is_divisible: whether a snapshot may have some of the parameters only, as that of a large model.
        limits_first_step: whether the first step, of which nobody knows how long it takes, gets only what
            is expected to fit; set for models of which that may be little.
        steps: training steps since the account was settled, counted by whoever ends them.
        other: seconds that recording took at every step since then, likewise.
        sampled, sampling: steps since then whose weights were sampled, and seconds that it took.
    """

    def __init__(
        self,
        share: float | None,
        head_start: float = HEAD_START,
        clock: Callable[[], float] = time.perf_counter,
        *,
        effect: float = EFFECT,
        hooks: float = HOOKS,
        is_fixed: bool = False,
    ) -> None:
        self.is_fixed, self._effect, self._hooks = is_fixed, effect, hooks
        self.limits_first_step, self.is_divisible = False, False
        self.share, self._head_start, self.clock = share, head_start, clock
        self._loop: dict[str, float] = {}  # seconds an occurrence; of "training" and "other", a step
        self._beside: dict[str, float] = {}  # the same of the thread; of "other", a second of training
        self._estimated: set[str] = set()
        self._now: dict[str, float] = {}  # seconds since the account was settled
        self._reported: deque[tuple[str, float, int]] = deque()  # by the thread, since then
        self._used: dict[str, float] = {}  # seconds in all
        self.steps, self.other = 0, 0.0
        self.sampled, self.sampling = 0, 0.0
        self._part_sizes: list[int] = []  # bytes of each partial snapshot
        self._least_per_byte = 0.0  # seconds
        self._trained = self._flushed = 0.0
        self._settled: float | None = None

    def allow_every_step(self) -> None:
        """Let every step of a small model be kept, whatever that needs."""
        self.is_fixed = True
        self._head_start = max(self._head_start, _HEAD_START_OF_SMALL)

    def expect(self, activity: str, loop: float, beside: float) -> None:
        """Estimate what an activity takes, until it was measured for the first time.

        Arguments:
            loop: seconds an occurrence inside the training loop.
            beside: seconds of the writing thread for the results of an occurrence.
        """
        self._loop[activity], self._beside[activity] = loop, beside
        self._estimated |= {f"loop {activity}", f"beside {activity}"}

    def charge(self, activity: str, seconds: float) -> None:
        """Count time inside the training loop as recording's."""
        self._now[activity] = self._now.get(activity, 0.0) + seconds

    def charge_beside(self, activity: str, seconds: float, occurrences: int = 1) -> None:
        """Count processor time of another thread, spent on the results of so many occurrences.

        May be called from any thread. An activity that nothing else is known of is paid and not planned for.
        """
        self._reported.append((activity, seconds, occurrences))

    def may_advance(self, activity: str) -> bool:
        """Whether an activity may still be done ahead of the share, as in the beginning."""
        needed, most = self._cost_of(activity), _PARTS[activity] * self._head_start
        if needed > most / _OCCURRENCES:
            return False
        own = self._used.get(activity, 0.0) + needed
        everything = self._spent + needed
        if activity != "sampling":  # a few microseconds a step, on which most of the check-up relies
            reserved = _PARTS["sampling"] * self._head_start
            everything += max(0.0, reserved - self._used.get("sampling", 0.0))
        return bool(self.share) and own < most and everything < self._head_start

    def is_put_off(self, activity: str) -> bool:
        """Whether the first step goes without statistics or a snapshot since it cannot afford them."""
        if not self.share or not self.limits_first_step or (self.is_fixed and activity == "snapshot"):
            return False
        needed = self._cost_of("statistics") + (self._cost_of("snapshot") if activity == "snapshot" else 0.0)
        started = self._used.get("start", 0.0) + self._now.get("start", 0.0)
        return started + needed > _FIRST_STEP * self._head_start

    def stride(self, activity: str, snapshots_apart: int = 1) -> int:
        """Every how many steps an activity can be afforded, as a power of two.

        Arguments:
            activity: `sampling`, `statistics` or `snapshot`.
            snapshots_apart: steps between two snapshots, as far as their schedule tells.
        """
        if self.share is None:
            return 1
        if "training" not in self._loop:  # nobody knows how long a step takes: once, and then wait
            return LONGEST_STRIDE if activity in self._used or self.is_put_off(activity) else 1
        left = self._left
        snapshots = _stride(self._cost_of("snapshot"), left / 2)
        if activity == "snapshot":
            return snapshots
        left -= 0.0 if self.is_fixed else self._cost_of("snapshot") / max(snapshots, snapshots_apart)
        left -= self._for_parts
        sampled = _stride(self._cost_of("sampling"), left * _SAMPLING)
        if activity == "sampling":
            return sampled
        return _stride(self._cost_of("statistics"), left - self._cost_of("sampling") / sampled)

    def expect_parts(self, second_per_byte: float) -> None:
        """Let snapshots have some of the parameters only, and estimate what a byte of one takes."""
        self.is_divisible, self._least_per_byte = True, second_per_byte

    def bytes_for_part(self, steps: int) -> int:
        """Bytes of a partial snapshot if there was none for so many steps; 0 if it is too early for one."""
        seconds = steps * self._for_parts
        if seconds < 2 * _PART_FILES:
            return 0
        measured = self._used.get("part", 0.0) - len(self._part_sizes) * _PART_FILES
        per_byte = max(self._least_per_byte, measured / max(1, sum(self._part_sizes)))
        return int((seconds - _PART_FILES) / per_byte)

    def note_part(self, size: int) -> None:
        """Count a partial snapshot of so many bytes."""
        self._part_sizes.append(size)

    @property
    def _for_parts(self) -> float:
        """Seconds a step that partial snapshots may take."""
        if not self.is_divisible or not self.share or self.is_fixed or "training" not in self._loop:
            return 0.0
        most, cost = self._left / 2, self._cost_of("snapshot")
        return max(most - cost / _stride(cost, most), _PART * most)

    @property
    def _left(self) -> float:
        """Seconds a step that snapshots, sampled weights and statistics may take."""
        return max(self._allowed - self._loop.get("other", 0.0) - self._fixed, _LEAST * self._allowed)

    @property
    def _allowed(self) -> float:
        """Seconds that recording may take at a step in the mean."""
        ahead = self._spent > (self.share or 0.0) * self._trained
        return (self.share or 0.0) * self._loop["training"] * (_REPAYMENT if ahead else 1.0)

    @property
    def _spent(self) -> float:
        """Seconds of the share that are used up."""
        return sum(self._used.values()) - self.is_fixed * self._used.get("snapshot", 0.0)

    @property
    def _fixed(self) -> float:
        """Seconds a step that flushes take."""
        return self._beside.get("other", _FLUSHES) * self._loop["training"]

    def _cost_of(self, activity: str) -> float:
        return self._loop.get(activity, 0.0) + self._beside.get(activity, 0.0)

    @property
    def cost(self) -> float:
        """Share of the training's time that recording took so far: measured, but for `effect`."""
        return sum(self._used.values()) / self._trained if self._trained else 0.0

    def settle(self) -> None:
        """Close the account of the steps since the last time; one with statistics or a snapshot ends it."""
        if not self.steps:
            return
        now = self.clock()
        costs, self._now = self._now, {}
        steps, sampled = self.steps, self.sampled
        costs["other"] = costs.get("other", 0.0) + self.other + steps * self._hooks
        if sampled:
            costs["sampling"] = costs.get("sampling", 0.0) + self.sampling
        measured = sum(costs.values())
        costs = {activity: seconds * self._effect for activity, seconds in costs.items()}
        self.steps, self.other, self.sampled, self.sampling = 0, 0.0, 0, 0.0
        for activity, seconds in costs.items():
            self._used[activity] = self._used.get(activity, 0.0) + seconds
        if self._settled is not None:  # of the first steps nobody knows when they began
            trained = max(now - self._settled - measured, 1e-9)
            self._trained += trained
            costs["training"] = trained / steps
        costs["other"] /= steps
        if sampled:
            costs["sampling"] /= sampled
        for activity, seconds in costs.items():
            self._learn(self._loop, "loop", activity, seconds)
        self._settled = now
        self._settle_reports()

    def _settle_reports(self) -> None:
        for _ in range(len(self._reported)):
            activity, measured, occurrences = self._reported.popleft()
            seconds = measured * self._effect
            self._used[activity] = self._used.get(activity, 0.0) + seconds
            if activity != "other":
                self._learn(self._beside, "beside", activity, seconds / max(1, occurrences))
            elif self._trained > self._flushed:
                self._learn(self._beside, "beside", activity, seconds / (self._trained - self._flushed))
                self._flushed = self._trained

    def _learn(self, means: dict[str, float], where: str, activity: str, seconds: float) -> None:
        """Move a running mean; an estimate is replaced."""
        known = means.get(activity)
        if known is None or f"{where} {activity}" in self._estimated:
            self._estimated.discard(f"{where} {activity}")
            means[activity] = seconds
        else:
            counted = seconds if activity == "training" else min(seconds, _SPIKE * known)
            means[activity] = _MEMORY * known + (1 - _MEMORY) * counted


def _stride(needed: float, allowed: float) -> int:
    """The smallest power of two at which what is needed fits into what is allowed a step."""
    if needed <= 0:
        return 1
    ratio = needed / allowed if allowed > 0 else LONGEST_STRIDE
    return 1 << max(0, math.ceil(math.log2(min(ratio, LONGEST_STRIDE))))


def expect_costs(
    budget: CostBudget, subject: Subject, sampled: int, copying: float, *, is_divisible: bool
) -> None:
    """Estimate what activities will take before any was measured.

    Arguments:
        budget: is told.
        subject: what is recorded.
        sampled: number of weights that are sampled.
        copying: seconds that it took to copy the weights; the factors were measured on an MLP and on 500
            and 2,000 small parameters.
        is_divisible: whether a snapshot may have some of the parameters only.
    """
    parameters, modules = len(subject.parameters), sum(1 for _ in subject.model.modules())
    # weights, gradients, updates and two states; small ones are written in one piece
    budget.expect("snapshot", 5 * copying, 4 * copying)
    if is_divisible:
        budget.expect_parts(copying / max(1, subject.nbytes))
    rows = 3 * parameters + modules
    budget.expect("statistics", 3 * copying + 1e-5 * rows, 3e-3 + 1.2e-5 * rows)
    budget.expect("sampling", 3e-5 + 3e-7 * sampled, 2e-7 * sampled)
    budget.limits_first_step = subject.nbytes < parameters * WORTH_RESERVING
