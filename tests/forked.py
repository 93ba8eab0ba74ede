"""Processes that tests fork from their own, which is much quicker than to start Python anew."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

LONGEST = 60
"""Seconds after which a forked process is taken to hang."""


def fork(action: Callable[[], object]) -> int:
    """Do something in a child, which ends with 0, or with 1 after an exception; return its process number."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(LONGEST)  # a child that hangs dies of it
            action()
            code = 0
        finally:
            os._exit(code)
    return child


def exit_code(child: int) -> int:
    """Wait for a child: its exit code, or the negative number of the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something is so, for ten seconds at most."""
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
