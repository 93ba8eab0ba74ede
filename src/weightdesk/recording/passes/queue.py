"""Forward passes that wait to be read."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Final

from weightdesk.recording.passes.seen import SeenPass

_MOST: Final = 32
"""Passes that one flush reads, about: to read one takes half a millisecond, and there is a flush a second."""


class PassQueue:
    """Forward passes since the last flush: about 32 of them at most, evenly taken over that time.

    If there are more, every second one goes, and from then on half as many are asked for; those few whose
    graph was read stay in any case.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # the training adds, the writer's thread takes
        self._waiting: list[SeenPass] = []
        self._stride, self._steps = 1, 0

    def wants_step(self) -> bool:
        """Whether the passes of the coming step are to be looked at; asked once at each step that may be."""
        wanted = self._steps % self._stride == 0
        self._steps += 1
        return wanted

    def add(self, seen: SeenPass) -> None:
        """Let a pass wait for the next flush."""
        with self._lock:
            self._waiting.append(seen)
            if len(self._waiting) > _MOST:
                self._waiting = _thin(self._waiting)
                self._stride *= 2

    def take(self) -> list[SeenPass]:
        """Hand over what waits, in order, and begin anew."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._stride, self._steps = 1, 0
        return waiting


def _thin(passes: list[SeenPass]) -> list[SeenPass]:
    """Every second pass of training and every second one of evaluation, which may take turns."""
    numbers: dict[bool, int] = defaultdict(int)
    rest = []
    for seen in passes:
        if numbers[seen.differentiable] % 2 == 0 or seen.graph:
            rest.append(seen)
        numbers[seen.differentiable] += 1
    return rest
