"""Units out of snapshots: a parameter may be larger than anybody wants to wait for, or has memory for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Self

from torch import Tensor

from weightdesk.errors import StepNotKeptError
from weightdesk.runs import Run
from weightdesk.runs.snapshotfolder import SnapshotFolder
from weightdesk.runs.steps import choose_step
from weightdesk.runs.stores import open_store
from weightdesk.server.session import Session

_TOGETHER: Final = 4_000_000  # weights that are read at once where those of all units are wanted


class UnitReader:
    """Reads some units of a parameter as they were at a step, and nothing else of it."""

    def __init__(self, run: Run) -> None:
        self._run, self._snapshots = run, SnapshotFolder(open_store(run.path))

    @classmethod
    def of(cls, session: Session) -> Self:
        """That of a session, which remembers where everything lies."""
        found: Self = session.kept("units", session.run.path, lambda: cls(session.run))
        return found

    def read(self, parameter: str, step: int, start: int, stop: int) -> Tensor:
        """The units from one up to another; the parameter has them all.

        Raises:
            StepNotKeptError: there is no snapshot of the step.
            RunFormatError: it is damaged.
        """
        name = self._run.parameters[parameter].name
        at = choose_step(step, self._run.steps_of(parameter), "snapshot")
        try:
            return self._snapshots.units(at, name, start, stop)
        except FileNotFoundError:
            raise StepNotKeptError(
                f"step {at} of {self._run.path} was thinned out meanwhile; ask again"
            ) from None

    def blocks(self, parameter: str, step: int) -> Iterator[Tensor]:
        """All units, some at a time."""
        known = self._run.parameters[parameter]
        units = known.shape[0]
        together = max(1, _TOGETHER * units // max(1, known.size))
        for start in range(0, units, together):
            yield self.read(parameter, step, start, min(start + together, units))
