"""Whether the processes that record nothing train the model that process 0 records.

Of a plain module in a training of several processes nothing says whether the others are replicas of it, as
under data parallelism by hand, or other stages of a pipeline, or trainings of their own. So they compare
what they hold with what process 0 said, and say what is not recorded.
"""

from __future__ import annotations

from typing import Final

from weightdesk.recording.notes import enumerate_names
from weightdesk.recording.roster import Entry, Roster
from weightdesk.recording.warning import warn
from weightdesk.types import Step

_LAST_PATIENCE: Final = 2.0
"""Seconds that a process waits at its end for the entry of process 0, if that has said nothing so far."""

_NAMES: Final = 3
"""Parameters that a message names."""


class ReplicaCheck:
    """Warns once if process 0 does not record what this process trains.

    Arguments:
        roster: of the processes that watch the same place.
        number: of this process.
        own: what this process holds.
    """

    def __init__(self, roster: Roster, number: int, own: Entry) -> None:
        self._roster, self._number, self._own = roster, number, own
        self._next: Step = 1
        self._is_done = False

    def look(self, step: Step) -> None:
        """Compare if it is time for it and process 0 has said what it holds. Does not wait."""
        if not self._is_done and step >= self._next:
            self._next = 2 * step
            self._compare(0.0)

    def close(self) -> None:
        """Compare if that was not possible so far; waits at most two seconds."""
        if not self._is_done:
            self._compare(_LAST_PATIENCE)
            if not self._is_done:
                warn(f"weightdesk does not record process {self._number}: process 0 did not call watch")
        self._is_done = True

    def _compare(self, patience: float) -> None:
        try:
            first = self._roster.wait_for_first(patience)
        except Exception as error:  # process 0 is gone, and its store with it; the training must go on
            warn(f"weightdesk does not record process {self._number}, and cannot ask process 0: {error}")
            self._is_done = True
            return
        if first is None:
            return
        self._is_done = True
        difference = None if first.problem else differences(self._own, first)
        if difference:
            warn(f"weightdesk does not record process {self._number}: {difference} the recorded process 0")


def differences(one: Entry, other: Entry) -> str | None:
    """How the models of two processes differ, as the beginning of a sentence; None if they do not.

    >>> differences(Entry({"weight": [4, 9]}), Entry({"weight": [4, 8]}))
    'it holds other parameters (weight) than'
    >>> differences(Entry({"weight": [4, 8]}, digest=1), Entry({"weight": [4, 8]}, digest=2))
    'its parameters have the names but not the values of'
    """
    others = [name for name, shape in one.shapes.items() if other.shapes.get(name) != shape]
    if others:
        return f"it holds other parameters ({enumerate_names(others, most=_NAMES)}) than"
    if one.digest != other.digest:
        return "its parameters have the names but not the values of"
    return None


def notes_on_others(roster: Roster, own: Entry, count: int) -> list[str]:
    """What process 0 knows at the end of the processes that recorded nothing, a line each."""
    notes = []
    for number in range(1, count):
        entry = roster.entry(number)
        if entry is not None and (difference := differences(entry, own)):
            notes.append(f"process {number} is not recorded: {difference} process 0")
    return notes
