"""How much of the training's time recording may take, measured by the recorder itself."""

from __future__ import annotations

import math
import time
from typing import Final

_MEMORY: Final = 0.8  # weight of the past in the running means
_LONGEST_STRIDE: Final = 1 << 20
HEAD_START: Final = 0.1
"""Seconds that recording may take beyond its share: of a training of a second, 2 % tell nothing."""
_CLOSE: Final = 4  # the stride meanwhile


class CostBudget:
    """Says how often an activity can be afforded, so that recording keeps within its share.

    Inside the training loop the wall clock is measured, activity by activity; for the writing
    thread beside the loop, its processor time. Half of the share is for snapshots, the other half
    for all else. An activity's stride is the smallest power of two at which its running mean fits,
    so the steps of a long stride are among those of a short one.

    Activities are `statistics`, `snapshot`, `writing` (of a snapshot) and `other`, which is what
    every step costs.

    Arguments:
        share: of the training's own time, such as 0.02; None for no limit.

        head_start: seconds that may be spent beyond it in the beginning.

    Attributes:
        steps: training steps since the account was settled, counted by whoever ends them.
        other: seconds that recording took at every step since then, likewise.
    """

    def __init__(self, share: float | None, head_start: float = HEAD_START) -> None:
        self.share, self._head_start = share, head_start
        self._means: dict[str, float] = {}  # seconds an occurrence; of "training" and "other", a step
        self._now: dict[str, float] = {}  # seconds since the account was settled
        self.steps, self.other = 0, 0.0
        self._spent = self._trained = 0.0
        self._settled: float | None = None

    def charge(self, activity: str, seconds: float) -> None:
        """Count time as recording's."""
        self._now[activity] = self._now.get(activity, 0.0) + seconds

    def stride(self, activity: str) -> int:
        """Every how many steps an activity can be afforded, as a power of two; often in the beginning."""
        affordable = self._affordable(activity)
        return min(affordable, _CLOSE) if self.share and self._spent < self._head_start else affordable

    def _affordable(self, activity: str) -> int:
        if self.share is None or activity not in self._means or "training" not in self._means:
            return 1
        allowed, needed = self.share / 2 * self._means["training"], self._means[activity]
        if activity == "snapshot":
            needed += self._means.get("writing", 0.0)
        else:
            allowed -= self._means["other"]
        if needed <= 0:
            return 1
        ratio = needed / allowed if allowed > 0 else _LONGEST_STRIDE
        return 1 << max(0, math.ceil(math.log2(min(ratio, _LONGEST_STRIDE))))

    @property
    def cost(self) -> float:
        """Share of the training's time that recording took so far."""
        return self._spent / self._trained if self._trained else 0.0

    def settle(self) -> None:
        """Close the account of the steps since the last time; one with statistics or a snapshot ends it."""
        if not self.steps:
            return
        now = time.perf_counter()
        costs, self._now = self._now, {}
        costs["other"] = costs.get("other", 0.0) + self.other
        spent, steps = sum(costs.values()), self.steps
        self.steps, self.other = 0, 0.0
        costs["other"] /= steps
        if self._settled is not None:  # of the first steps nobody knows when they began
            self._spent += spent
            # The writing thread works beside the loop, so its time is not always within the steps.
            trained = max(now - self._settled - spent, 1e-9)
            self._trained += trained
            costs["training"] = trained / steps
        for activity, seconds in costs.items():
            mean = self._means.setdefault(activity, seconds)
            self._means[activity] = _MEMORY * mean + (1 - _MEMORY) * seconds
        self._settled = now
