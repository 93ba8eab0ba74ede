"""What can be undone and done again: rows of edits, not weights, so that it stays small."""

from __future__ import annotations

from dataclasses import dataclass

from weightdesk.desk.edits.edit import Edit


@dataclass(frozen=True)
class _Move:
    """From one row of edits to another that begins alike."""

    alike: int
    before: tuple[Edit, ...]
    after: tuple[Edit, ...]


class History:
    """The moves from one row of edits to another, back and forth.

    >>> from weightdesk.desk.edits import Muting
    >>> from weightdesk.desk.places import Place
    >>> mute, history = Muting(Place.parse("fc[1]")), History()
    >>> history.note((), (mute,))
    >>> history.back((mute,)), history.forth(()) == (mute,), history.forth((mute,))
    ((), True, None)
    """

    def __init__(self) -> None:
        self._done: list[_Move] = []
        self._undone: list[_Move] = []

    def note(self, before: tuple[Edit, ...], after: tuple[Edit, ...]) -> None:
        """A move was made; what was undone before cannot be done again."""
        pairs = enumerate(zip(before, after, strict=False))
        alike = next((at for at, (one, two) in pairs if one is not two), min(len(before), len(after)))
        self._done.append(_Move(alike, before[alike:], after[alike:]))
        self._undone.clear()

    def back(self, edits: tuple[Edit, ...]) -> tuple[Edit, ...] | None:
        """The edits before the last move; None where there is none."""
        if not self._done:
            return None
        self._undone.append(self._done.pop())
        return (*edits[: self._undone[-1].alike], *self._undone[-1].before)

    def forth(self, edits: tuple[Edit, ...]) -> tuple[Edit, ...] | None:
        """The edits after the move that was last undone; None where there is none."""
        if not self._undone:
            return None
        self._done.append(self._undone.pop())
        return (*edits[: self._done[-1].alike], *self._done[-1].after)
