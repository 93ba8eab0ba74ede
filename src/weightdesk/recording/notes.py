"""What a recording leaves out: said once, in `run.json` and, if it matters at once, in a warning."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from weightdesk.recording.warning import warn

_MOST: Final = 100
"""Notes that a run has at most: each is a line that a person reads."""


class Notes:
    """The notes of one recording, in the order in which they came.

    Arguments:
        texts: the list that they are added to, which is part of the run's manifest.

    Attributes:
        changed: whether a note was added since the manifest was written last.

    >>> notes = Notes([])
    >>> notes.add("no statistics of a.weight: it is of the type int8")
    >>> notes.add("no statistics of a.weight: it is of the type int8")
    >>> notes.texts, notes.changed
    (['no statistics of a.weight: it is of the type int8'], True)
    """

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.changed = False

    def add(self, text: str, *, aloud: bool = False) -> None:
        """Add a note, unless it is there already.

        Arguments:
            text: one line.
            aloud: whether the user is warned, too.
        """
        if text in self.texts or len(self.texts) >= _MOST:
            return
        self.texts.append(text)
        self.changed = True
        if aloud:
            warn(f"weightdesk: {text}")


def enumerate_names(names: Iterable[str], most: int = 5) -> str:
    """Names as a text that stays short.

    >>> enumerate_names(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
