"""A lease for stores without file locks: a file with the time at which the writer last lived."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from weightdesk.errors import RunExistsError

if TYPE_CHECKING:
    from weightdesk.runs.stores import Store

LEASE: Final = ".lease"
LIFETIME: Final = 15.0
"""Seconds after which a heartbeat counts as stopped."""
_INTERVAL: Final = 5.0


class Heartbeat:
    """The lease of one store as a file that its holder rewrites every few seconds.

    Clocks of reader and writer are compared, so machines that differ by more than `LIFETIME`
    seconds misjudge each other.

    >>> from weightdesk.runs.stores import open_store
    >>> heartbeat = Heartbeat(open_store("memory://heartbeat"))
    >>> release = heartbeat.hold()
    >>> heartbeat.is_held()
    True
    >>> release(); heartbeat.is_held()
    False
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock
        self._last: float | None = None

    def hold(self) -> Callable[[], None]:
        """Begin to beat; the result ends it."""
        if self.is_held():
            raise RunExistsError(
                f"{self._store.location} is being recorded by another process: "
                f"wait until it ends, or record to another place"
            )
        self._beat()
        return self._release

    def renew(self) -> None:
        """Beat once more where the last beat is old enough; without the lease, do nothing."""
        if self._last is not None and self._clock() - self._last >= _INTERVAL:
            self._beat()

    def is_held(self) -> bool:
        """Whether the last beat is younger than `LIFETIME`."""
        try:
            beat = float(self._store.read(LEASE))
        except (FileNotFoundError, ValueError):
            return False
        return self._clock() - beat < LIFETIME

    def _beat(self) -> None:
        now = self._clock()
        self._store.write(LEASE, lambda path: Path(path).write_text(f"{now:.3f}\n"))
        self._last = now

    def _release(self) -> None:
        if self._last is not None:
            self._last = None
            self._store.delete(LEASE)
