"""The desk of a run in a process of its own, so that it takes no time from the training beside it."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from typing import Final

_MAIN: Final = "from weightdesk.cli import main; raise SystemExit(main())"


class DeskBeside:
    """`weightdesk open` on a run that may still be written.

    Arguments:
        run: its folder or address; it must have begun.
        browser: whether to open the browser.
    """

    def __init__(self, run: str, *, browser: bool = True) -> None:
        options = ["--browser" if browser else "--no-browser"]
        self._process = subprocess.Popen([sys.executable, "-c", _MAIN, "open", run, *options])  # noqa: S603 (our own command)

    def wait(self) -> int:
        """Stay until the desk is ended, by Ctrl-C as a rule; returns its exit code."""
        with suppress(KeyboardInterrupt):
            return self._process.wait()
        return self._process.wait()  # Ctrl-C reached it, too: it says goodbye
