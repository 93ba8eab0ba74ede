"""The built page: the files that `web/` is made into."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from weightdesk.errors import OptionError

STATIC: Final = Path(__file__).parent / "static"
FILES: Final = ("index.html", "desk.js", "desk.css")


def page_file(name: str) -> Path:
    """One of its files.

    Raises:
        OptionError: the page was not built.
    """
    found = STATIC / name
    if not found.exists():
        raise OptionError(f"the page is not built: run `make web`, or install weightdesk anew ({STATIC})")
    return found
