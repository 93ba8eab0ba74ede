"""How far long work is: told by the process that does it, read by the one that is asked."""

from __future__ import annotations

import multiprocessing
from typing import Any, Final

from weightdesk.errors import WeightdeskError

_LONGEST: Final = 80  # bytes of what is being done
_CONTEXT: Final = multiprocessing.get_context("spawn")


class CalledOffError(WeightdeskError):
    """Nobody waits for the answer any more."""


class Gauge:
    """A place in memory that a process shares with those that it starts.

    >>> gauge = Gauge()
    >>> gauge.tell("probes", 0.25)
    >>> gauge.read()
    ('probes', 0.25)
    >>> gauge.rest()
    >>> gauge.read() is None
    True
    """

    def __init__(self) -> None:
        self._state: Any = _CONTEXT.RawArray("d", [-1.0, 0.0])  # the share that is done; whether to stop
        self._what: Any = _CONTEXT.RawArray("c", _LONGEST)

    def tell(self, what: str, share: float) -> None:
        """Say what is being done, and the share of it that is done, from 0 to 1.

        Raises:
            CalledOffError: it was called off.
        """
        if self._state[1]:
            raise CalledOffError(f"{what}: called off")
        self._what.value = what.encode(errors="replace")[: _LONGEST - 1]
        self._state[0] = share

    def read(self) -> tuple[str, float] | None:
        """What is being done and how far it is; None where nothing is."""
        share = self._state[0]
        return None if share < 0 else (self._what.value.decode(errors="ignore"), share)

    def call_off(self) -> None:
        """Let the work end when it next tells how far it is."""
        self._state[1] = 1.0

    def rest(self) -> None:
        """Nothing is being done."""
        self._state[:] = [-1.0, 0.0]
