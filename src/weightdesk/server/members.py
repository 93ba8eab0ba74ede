"""A comparison on the desk: its members are runs, each with a session of its own."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from threading import RLock
from typing import Final

from weightdesk.errors import OptionError, WeightdeskError, closest
from weightdesk.runs import open_run
from weightdesk.server.kept import Kept
from weightdesk.server.session import Session
from weightdesk.server.subject import Subject
from weightdesk.training.compare.record import FILE, Record, member_folder, read_record

_OPEN: Final = 4  # members whose desks are kept


def is_comparison(path: str) -> bool:
    """Whether a comparison lies in a folder."""
    return Path(path, FILE).is_file()


class Members:
    """The comparison beside a run, and the way to the runs of its other members.

    Arguments:
        folder: of the comparison.
        subject: the network and its probe set, where they are not found by themselves.
        data: the user's own data that the members learned from, likewise.

    Attributes:
        folder: of the comparison.
        kept: what was read from its runs.
        first: of the member that is shown where nobody has chosen one.

    Raises:
        RunNotFoundError: there is no comparison.
        OptionError: none of its members has a run yet.
    """

    def __init__(self, folder: Path, subject: Subject | None = None, data: str | None = None) -> None:
        self.folder, self.kept = folder, Kept()
        self._subject, self._data, self._lock = subject, data, RLock()
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self.first = self._first()

    @property
    def record(self) -> Record:
        """How the comparison stands now."""
        return read_record(self.folder)

    def session(self, name: str) -> Session:
        """The session of a member.

        Raises:
            OptionError: the comparison has no such member.
            RunNotFoundError: its run is not there, or not yet.
        """
        with self._lock:
            if name == self.first.name:
                return self.first
            known = self.record.members
            if name not in known:  # before anything is opened: the name comes from a link
                raise OptionError(f"the comparison has no member {name[:80]!r}; {closest(name[:80], known)}")
            found = self._sessions.pop(name, None) or self._opened(name)
            found.gauge = self.first.gauge
            self._sessions[name] = found
            while len(self._sessions) > _OPEN:
                self._sessions.popitem(last=False)
            return found

    def _first(self) -> Session:
        """Of the first finished member, else of the first that has a run at all."""
        members = self.record.members
        order = sorted(members, key=lambda name: members[name]["status"] not in ("finished", "stopped early"))
        for name in order:
            try:
                return self._opened(name)
            except WeightdeskError:
                continue
        raise OptionError(f"no member of {self.folder} has a run yet, so there is nothing to open")

    def _opened(self, name: str) -> Session:
        return Session(
            open_run(member_folder(self.folder, name)), self._subject, members=self, data=self._data
        )
