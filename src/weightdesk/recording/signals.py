"""Signals that end a process while it records: the run is closed first, then the signal does what it does.

Only signals whose action is the default one are listened to. A handler that the user has installed, or
installs later, is the user's: whether the training then ends is for it to say. Python lets only the main
thread have handlers, so `watch` in another thread listens to none.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

_ENDING: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP
_PAUSE: Final = 0.01
"""Seconds until a signal that met the recorder at work is sent again; a step of the recorder takes less."""
_PATIENCE: Final = 5.0
"""Seconds that a signal may wait for the recorder, and the closing for the writer: managers of containers
and clusters send SIGKILL ten to thirty seconds after SIGTERM."""
_HURRY: Final = 1.0
"""Seconds that closing may go on after Ctrl-C was pressed again."""
_CALLS_TRAINING: Final = frozenset({"_run_closure", "_call_observed"})
"""The functions of recording that run the user's code: a closure of an optimizer, and a module's call."""

_close_all: Callable[[str], object] | None = None
_first: float | None = None
_closing = False


def listen(close_all: Callable[[str], object]) -> None:
    """Call this function with the signal's name before SIGTERM or SIGHUP ends the process.

    Does nothing in a thread that is not the main one, and for a signal that has a handler or is ignored.
    """
    global _close_all, _closing, _first
    _close_all, _closing, _first = close_all, False, None
    if threading.current_thread() is not threading.main_thread():
        return
    for number in _ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def stop_listening() -> None:
    """Give the signals their default action again; those that the user has taken over stay as they are."""
    if threading.current_thread() is not threading.main_thread():
        return  # the handler stays, and with nothing to close it is the default action
    for number in _ENDING:
        if signal.getsignal(number) is _end:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, frame: FrameType | None) -> None:
    """Close what is open, then let the default action end the process."""
    global _closing, _first
    if signal.getsignal(number) is not _end:
        return  # a handler of the user's calls the one before it: the default action could not be called
    _first = _first or time.monotonic()
    if not _closing and _interrupts_recorder(frame) and time.monotonic() - _first < _PATIENCE:
        try:
            # By a thread: a lock that the recorder holds is never free while this function runs.
            threading.Timer(_PAUSE, os.kill, (os.getpid(), number)).start()
        except RuntimeError:  # the interpreter is ending, or the process may have no more threads
            pass
        else:
            return
    if not _closing and _close_all is not None:  # the second signal does not wait for the first
        _closing = True
        _close_all(signal.Signals(number).name)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _interrupts_recorder(frame: FrameType | None) -> bool:
    """Whether the main thread was at work in the recorder, which may hold locks and half of a step."""
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith("weightdesk.recording"):
            return frame.f_code.co_name not in _CALLS_TRAINING
        frame = frame.f_back
    return False


class HeldInterrupts:
    """Presses of Ctrl-C that are held back.

    Attributes:
        deadline: when what holds them back should give up, as `time.monotonic()` counts; None if nobody
            has asked for that.
    """

    def __init__(self) -> None:
        self.deadline: float | None = None
        self.frame: FrameType | None = None
        self.count = 0

    def take(self, _number: int, frame: FrameType | None) -> None:
        """Hold one back."""
        self.count, self.frame = self.count + 1, frame
        self.hurry(_HURRY)

    def hurry(self, seconds: float) -> None:
        """Ask whoever holds them back to be done after so many seconds."""
        deadline = time.monotonic() + seconds
        self.deadline = deadline if self.deadline is None else min(self.deadline, deadline)

    @property
    def is_urgent(self) -> bool:
        """Whether it is time to give up."""
        return self.deadline is not None and time.monotonic() > self.deadline


@contextmanager
def hold_interrupts() -> Iterator[HeldInterrupts]:
    """Keep Ctrl-C from breaking off what runs in this block; afterwards it does what it would have done."""
    held = HeldInterrupts()
    handler: Any = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or handler in (None, signal.SIG_IGN):
        yield held
        return
    signal.signal(signal.SIGINT, held.take)
    try:
        yield held
    finally:
        if signal.getsignal(signal.SIGINT) == held.take:
            signal.signal(signal.SIGINT, handler)
        frame, held.frame = held.frame, None  # else the frame holds this object, and this object the frame
        if held.count and callable(handler):
            handler(signal.SIGINT, frame)
        elif held.count:
            signal.raise_signal(signal.SIGINT)
