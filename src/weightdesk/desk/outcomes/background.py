"""Outcomes recomputed in a thread, always those of the newest turn."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Condition, RLock, Thread, current_thread
from typing import TypeAlias

from weightdesk.desk.outcomes.outcome import Outcome
from weightdesk.desk.outcomes.probeset import ProbeSet
from weightdesk.desk.outcomes.shown import Shown
from weightdesk.desk.state import State
from weightdesk.errors import ListenError

Callback: TypeAlias = Callable[[Shown | Outcome], None]
"""Is given the shown examples of a state, then its outcomes, the last one exact."""


class _Superseded(Exception):  # noqa: N818
    """No error, only the way out: there is newer work, or none is wanted any more."""


class Background:
    """A thread that gives a callback the outcomes of the newest state.

    A newer state stops the work on an older one after the group of examples in hand. A callback runs
    either before `turn` after a newer state returns, or not at all: `turn` waits for one that is running.
    A callback may itself turn, or stop the thread.

    Arguments:
        probes: runs the examples.
        newest: gives the newest state; None: nobody wants outcomes any more.
        callback: called in the thread; it should hand over what it is given and return.
    """

    def __init__(self, probes: ProbeSet, newest: Callable[[], State | None], callback: Callback) -> None:
        self._probes, self._newest, self._callback = probes, newest, callback
        # Held while the callback runs, and by the same thread again if that turns.
        self._changed = Condition(RLock())
        self._turns, self._stopping = 0, False
        self._error: BaseException | None = None
        # Nobody must wait at the end of the program for a desk that was not closed.
        self._thread = Thread(target=self._work, name="weightdesk-desk", daemon=True)
        self._thread.start()

    def turn(self) -> None:
        """There is a newer state: drop what is going on and begin with that."""
        with self._changed:
            self._turns += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """End the thread and wait for it; called by the callback, it ends when that returns."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if current_thread() is not self._thread:
            self._thread.join()

    def close(self) -> None:
        """Stop, and say what went wrong.

        Raises:
            ListenError: running the model or the callback failed; later turns were recomputed all the same.
        """
        self.stop()
        error, self._error = self._error, None
        if error is not None:
            reason = (str(error).splitlines() or [""])[0]
            raise ListenError(
                f"recomputing in the background failed with {type(error).__name__}: {reason}"
            ) from error

    def _work(self) -> None:
        done = 0
        while True:
            with self._changed:
                while not self._stopping and self._turns == done:
                    self._changed.wait()
                if self._stopping:
                    return
                done, state = self._turns, self._newest()
            if state is None:
                return
            try:
                with suppress(_Superseded):
                    self._recompute(state, done)
            except BaseException as error:  # whatever it is, it belongs to the one who closes
                self._error = self._error or error
            del state  # so that nothing is kept while there is nothing to do

    def _recompute(self, state: State, turn: int) -> None:
        self._deliver(self._probes.show(state), turn)
        for outcome in self._probes.progress(state):
            self._deliver(outcome, turn)

    def _deliver(self, found: Shown | Outcome, turn: int) -> None:
        with self._changed:
            if self._stopping or turn != self._turns:
                raise _Superseded
            self._callback(found)
