"""When a lane takes another state as its reference.

A turn runs what lies behind all places in which its state differs from the reference. Once a turned weight
in the first layer is left as it is and another one far behind is moved, that is too much: from a nearer
reference the second knob would take little. Running all of it in full once, to renew the reference, pays
after a few turns. It is done when the work that a renewed reference would have saved has reached the work
that renewing takes: all in all, turns then take at most about twice what they would if all that comes
were known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from weightdesk.desk.engine.graph.box import Part
from weightdesk.desk.engine.graph.plan import Plan
from weightdesk.desk.parts import Changes
from weightdesk.types import ParameterName

_UNITS: Final = 16


class Renewal:
    """Counts the work that a renewed reference would have saved."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._saved = plan, 0.0

    def due(self, changed: Mapping[ParameterName, Part], last: Changes) -> bool:
        """Whether to renew the reference.

        Arguments:
            changed: where the state differs from the reference.
            last: where it may differ from the state before it.
        """
        work = self._plan.work_behind(frozenset(changed))
        self._saved += max(0.0, work - self._plan.work_behind(frozenset(last)))
        if _units(changed) > _UNITS and _rows(last) <= _UNITS:
            self._saved += work
        if self._saved < work or not work:
            return False
        self._saved = 0.0
        return True


def _units(changed: Mapping[ParameterName, Part]) -> float:
    return sum(len(part.box[0]) if 0 in part.box else _UNITS + 1 for part in changed.values())


def _rows(changes: Changes) -> int:
    return sum(_UNITS + 1 if rows is None else len(rows) for rows in changes.values())
