"""The check-up of a training under way: says what goes wrong while there is time to stop it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from weightdesk.errors import WeightdeskError
from weightdesk.recording.endings import describe_error
from weightdesk.recording.warning import warn
from weightdesk.statistics.team import work_alone

if TYPE_CHECKING:
    from weightdesk.checkup import CheckUp

INTERVAL: Final = 2.0
"""Seconds between two check-ups at least."""
_SHARE: Final = 0.01
"""Of the time that check-ups may take: the next one waits a hundred times as long as the last one took."""


class LiveCheck:
    """Looks at a run again and again in a thread of its own, and warns of each finding once.

    Arguments:
        look: looks at the run.
        charge: told the processor seconds that it took.
        interval: seconds between two looks at least.
    """

    def __init__(
        self, look: Callable[[], CheckUp], charge: Callable[[float], None], interval: float = INTERVAL
    ) -> None:
        self._look, self._charge, self._interval = look, charge, interval
        self._told: set[str] = set()
        self._stopping, self._finished = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="weightdesk-check", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """End, with a last look at the whole run; does nothing the second time."""
        if self._finished:
            return
        self._finished = True
        was_broken = self._stopping.is_set()
        self._stopping.set()
        self._thread.join()
        if not was_broken:
            self._once()

    def _run(self) -> None:
        work_alone()
        pause = self._interval
        while not self._stopping.wait(pause):
            began = time.thread_time()
            self._once()
            took = time.thread_time() - began
            self._charge(took)
            pause = max(self._interval, took / _SHARE)

    def _once(self) -> None:
        try:
            for finding in self._look():
                if finding.rule not in self._told and finding.because is None:
                    self._told.add(finding.rule)
                    warn(
                        f"weightdesk: {finding.message} ({finding.rule}, since step {finding.since}, "
                        f"{finding.confidence:.0%} sure); {finding.remedy}"
                    )
        except (WeightdeskError, OSError):  # what cannot be read now can be later
            return
        except Exception as error:  # the training must go on whatever it is
            self._stopping.set()
            warn(f"weightdesk stopped its check-up: {describe_error(error)}")
