"""How a recording stands, as a sign, a word and a colour: each says it alone."""

from __future__ import annotations

from typing import Final

from rich.text import Text

_SIGNS: Final = {
    "running": ("●", "cyan"),
    "finished": ("✓", "green"),
    "interrupted": ("■", "yellow"),
    "stopped": ("■", "yellow"),
    "failed": ("✗", "red"),
    "killed": ("✗", "red"),
    "damaged": ("✗", "red"),
}


def status_text(status: str) -> Text:
    """The status of a run.

    >>> status_text("finished").plain
    '✓ finished'
    """
    sign, colour = _SIGNS.get(status, ("?", ""))
    return Text(f"{sign} {status}", style=colour)
