"""Opens the browser at a link that nobody else is to see."""

from __future__ import annotations

import webbrowser
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Final

_PAGE: Final = """<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={link}">
<title>weightdesk</title>
<a href="{link}">open the desk</a>
"""
_SNAPS: Final = Path("/snap")  # there on systems whose browsers may be packed as snaps


class PrivateLink:
    """A file that leads to a link, for this user's eyes alone.

    A browser gets what it is to open as an argument, and all users of a machine see the arguments of all
    processes. So it gets the name of a file in a folder that only this user may enter; the link is in it.

    Raises:
        OSError: the folder cannot be made.
        RuntimeError: it has to be in the home folder, and there is none.
    """

    def __init__(self) -> None:
        # A browser in a snap has another /tmp than everybody else, and of the home folder sees all that is
        # not hidden.
        place = Path.home() if _SNAPS.is_dir() else None
        self._folder = TemporaryDirectory(prefix="weightdesk-", dir=place, ignore_cleanup_errors=True)

    def open(self, link: str) -> None:
        """Open the browser there, without waiting for it: some commands last as long as the browser.

        Raises:
            OSError: the file cannot be written.
        """
        file = Path(self._folder.name, "desk.html")
        file.touch(0o600)
        file.write_text(_PAGE.format(link=escape(link)), encoding="utf-8")
        Thread(target=webbrowser.open, args=(file.as_uri(),), daemon=True).start()

    def remove(self) -> None:
        """Remove the file; more than once does no harm."""
        self._folder.cleanup()
