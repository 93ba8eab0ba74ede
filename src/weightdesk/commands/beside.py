"""The desk of a run in a process of its own, so that it takes no time from the training beside it."""

from __future__ import annotations

import _thread
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from threading import Thread, main_thread
from typing import Final

_MAIN: Final = "from weightdesk.cli import main; raise SystemExit(main())"
_FOLLOW: Final = "from weightdesk.commands.beside import end_with_parent; end_with_parent(); "
_PATIENCE: Final = 10.0  # seconds for an orderly end; the server gives running answers one
_CHUNK: Final = 4096  # bytes; nothing is ever written, so any number would do


class DeskBeside:
    """`weightdesk open` on a run that may still be written; it ends with the process that started it.

    Arguments:
        run: its folder or address; it must have begun.
        browser: whether to open the browser.
    """

    def __init__(self, run: str, *, browser: bool = True) -> None:
        options = ["--browser" if browser else "--no-browser"]
        self._process = subprocess.Popen(  # noqa: S603 (our own command)
            [sys.executable, "-c", _FOLLOW + _MAIN, "open", run, *options], stdin=subprocess.PIPE
        )
        # The system closes this end of the pipe when this process is gone, however it ended. A copy in a
        # forked one, such as a data loader's, would keep it open.
        if self._process.stdin is not None and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._process.stdin.close)

    def wait(self) -> int:
        """Stay until the desk is ended, by Ctrl-C as a rule; returns its exit code."""
        with suppress(KeyboardInterrupt):
            return self._process.wait()
        return self._process.wait()  # Ctrl-C reached it, too: it says goodbye


def end_with_parent() -> None:
    """End this process when its standard input is closed, as by the end of the process at its other end."""
    Thread(target=_follow, args=(sys.__stdin__.fileno() if sys.__stdin__ else 0,), daemon=True).start()


def _follow(pipe: int) -> None:
    # Not through `sys.stdin`, whose lock a thread that waits would hold when the interpreter ends.
    with suppress(OSError):
        while os.read(pipe, _CHUNK):
            pass
    _interrupt()
    time.sleep(_PATIENCE)
    os._exit(1)  # it is stuck, or Ctrl-C is ignored, as in the background of some shells


def _interrupt() -> None:
    """Do what Ctrl-C does."""
    main = main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)  # also wakes it where it sleeps
    else:  # on Windows
        _thread.interrupt_main()
