"""Some examples with the results that are kept of them."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

import torch

from weightdesk.desk.engine.graph.box import Part
from weightdesk.desk.engine.graph.differences import Differences
from weightdesk.desk.engine.graph.layout import Layout
from weightdesk.desk.engine.graph.plan import Plan
from weightdesk.desk.engine.graph.reference import Reference, is_sound, scales_of
from weightdesk.desk.engine.graph.renewal import Renewal
from weightdesk.desk.engine.graph.step import Operand, Slot
from weightdesk.desk.engine.graph.turn import Turn
from weightdesk.desk.nesting import with_tensors
from weightdesk.types import ParameterName

if TYPE_CHECKING:
    from weightdesk.desk.state import State


class GraphLane:
    """See `Lane`."""

    def __init__(
        self,
        plan: Plan,
        layout: Layout,
        differences: Differences,
        reference: Reference,
        keep: frozenset[Slot],
        unedited: Any,
        count: int,
    ) -> None:
        self.count = count
        self._plan, self._layout, self._differences, self._keep = plan, layout, differences, keep
        self._original, self._first_scales = reference.state, reference.scales
        self._reference, self._last = reference, reference.state
        self._unedited = unedited
        self._renewal = Renewal(plan)
        self._lock = Lock()

    def outputs(self, state: State) -> Any:
        """See `Lane`."""
        with self._lock, torch.no_grad():
            last, self._last = self._last, state
            if not state.changes_from(self._original):
                return self._unedited
            changed = self._differences.between(self._reference.state, state)
            if self._renewal.due(changed, state.changes_from(last)):
                return self._renewed(state, changed)
            turn = self._turn(state, changed)
            turn.run()
            return self._nested(turn)

    def _turn(self, state: State, changed: Mapping[ParameterName, Part], *, whole: bool = False) -> Turn:
        slots = self._plan.network.parameters
        changes = {slots[name]: part for name, part in changed.items() if name in slots}
        now = {slot: self._layout.of_parameter(slot, state.values[name]) for name, slot in slots.items()}
        if whole:
            changes = {slot: Part({}, now[slot]) for slot in changes}
        return Turn(self._plan, self._reference, changes, now)

    def _renewed(self, state: State, changed: Mapping[ParameterName, Part]) -> Any:
        """Run in full what changed; if the results are sound, this state is the new reference."""
        turn = self._turn(state, changed, whole=True)
        fresh = turn.run(self._keep)
        scales = scales_of(self._plan, fresh)
        if is_sound(scales, self._first_scales):
            old = self._reference
            values = {**old.values, **turn.parameters, **fresh}
            self._reference = Reference(state, values, {**old.scales, **scales})
        return self._nested(turn)

    def _nested(self, turn: Turn) -> Any:
        leaves = [
            turn.now(each.slot) if isinstance(each, Operand) else each for each in self._plan.network.outputs
        ]
        return with_tensors(self._unedited, leaves)
