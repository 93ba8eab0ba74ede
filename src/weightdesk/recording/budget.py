"""How much of the training's time recording may take, measured by the recorder itself."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_MEMORY: Final = 0.9  # weight of the past in the running means
_LONGEST_STRIDE: Final = 1 << 20


class CostBudget:
    """Says how often an activity can be afforded, so that recording keeps within its share.

    Inside the training loop the wall clock is measured, activity by activity; for the writing
    thread beside the loop, its processor time. Half of the share is for snapshots, the other half
    for all else. An activity's stride is the smallest power of two at which its running mean fits,
    so the steps of a long stride are among those of a short one.

    Arguments:
        share: of the training's own time, such as 0.02; None for no limit.

    """

    def __init__(self, share: float | None) -> None:
        self.share = share
        self._means: dict[str, float] = {}  # seconds an occurrence; "training" and "other": a step
        self._now: defaultdict[str, float] = defaultdict(float)  # seconds in the present step
        self._spent = self._trained = 0.0
        self._step_began: float | None = None

    @contextmanager
    def measured(self, activity: str) -> Iterator[None]:
        """Count the time of a block as recording's."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._now[activity] += time.perf_counter() - began

    def charge(self, seconds: float) -> None:
        """Count time that the writing thread measured."""
        self._now["other"] += seconds

    def end_step(self) -> None:
        """Close the account of a training step."""
        now = time.perf_counter()
        costs, self._now = self._now, defaultdict(float, other=0.0)
        spent = sum(costs.values())
        self._spent += spent
        if self._step_began is not None:
            # The writing thread works beside the loop, so its time is not always within the step.
            costs["training"] = max(now - self._step_began - spent, 1e-9)
            self._trained += costs["training"]
        for activity, seconds in costs.items():
            mean = self._means.setdefault(activity, seconds)
            self._means[activity] = _MEMORY * mean + (1 - _MEMORY) * seconds
        self._step_began = now

    def stride(self, activity: str) -> int:
        """Every how many steps an activity can be afforded, as a power of two."""
        if self.share is None or activity not in self._means or "training" not in self._means:
            return 1
        allowed = self.share / 2 * self._means["training"]
        if activity != "snapshot":
            allowed -= self._means["other"]
        stride = 1
        while self._means[activity] > allowed * stride and stride < _LONGEST_STRIDE:
            stride *= 2
        return stride

    @property
    def cost(self) -> float:
        """Share of the training's time that recording took so far."""
        return self._spent / self._trained if self._trained else 0.0
