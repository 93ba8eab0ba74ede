"""One turn: from the changed parts of parameters to the changed outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from torch import Tensor

from weightdesk.desk.engine.graph.box import Box, Part, meet, put, same, take
from weightdesk.desk.engine.graph.plan import Plan
from weightdesk.desk.engine.graph.reference import Reference
from weightdesk.desk.engine.graph.step import Slot

_FAR: Final = 16


class Turn:
    """Values before and after some parameters changed; those before are the reference's.

    Arguments:
        plan: what to run.
        reference: where to start.
        changes: changed parameters by slot.
        parameters: all parameters as they are now, by slot.

    Attributes:
        changes: see `Values`.
        parameters: as given.
    """

    def __init__(
        self,
        plan: Plan,
        reference: Reference,
        changes: Mapping[Slot, Part],
        parameters: Mapping[Slot, Tensor],
    ) -> None:
        self.changes = dict(changes)
        self._plan, self._reference = plan, reference
        self.parameters = parameters
        self._before: dict[Any, Any] = {}
        self._whole: dict[Slot, Any] = {}
        self._distance: dict[Slot, int] = {}

    def run(self, keep: frozenset[Slot] = frozenset()) -> dict[Slot, Any]:
        """Run what the changes reach; the whole values of the slots to keep, where they changed."""
        kept = {}
        changes = self.changes
        for rule, released in zip(self._plan.rules, self._plan.released, strict=True):
            if not changes.keys().isdisjoint(rule.step.operands):
                part = rule.propagate(self)
                if part is not None:
                    slot = rule.step.slot
                    changes[slot] = part
                    if slot in keep:
                        kept[slot] = self.now(slot)
            for slot in released:
                changes.pop(slot, None)
                self._whole.pop(slot, None)
        return kept

    def steady(self, slot: Slot) -> bool:
        """See `Values`."""
        return self._reference.steady(slot)

    def now(self, slot: Slot, box: Box | None = None) -> Any:
        """See `Values`."""
        part = self.changes.get(slot)
        if part is None:
            return self.before(slot, box)
        if not box:
            return self._now_whole(slot, part)
        if not part.box:
            return take(part.values, box)
        return part.values if same(part.box, box) else self._overlaid(slot, part, box)

    def _now_whole(self, slot: Slot, part: Part) -> Any:
        if slot in self.parameters:
            return self.parameters[slot]
        if not part.box:
            return part.values
        if slot not in self._whole:
            whole = self.before(slot).clone()
            put(whole, part.box, part.values)
            self._whole[slot] = whole
        return self._whole[slot]

    def _overlaid(self, slot: Slot, part: Part, box: Box) -> Tensor:
        """A box of the reference, with what of the changed part lies in it."""
        below: Tensor = self.before(slot, box).clone()
        inner: Box = {}
        outer: Box = {}
        for axis in {**part.box, **box}:
            to, source = meet(box.get(axis), part.box.get(axis))
            if to is not None:
                outer[axis] = to
            if source is not None:
                inner[axis] = source
        if all(len(each) for each in (*outer.values(), *inner.values())):
            put(below, outer, take(part.values, inner))
        return below

    def before(self, slot: Slot, box: Box | None = None) -> Any:
        """See `Values`."""
        if slot in self._reference.values:
            value = self._reference.values[slot]
            return take(value, box) if box else value
        if not box:
            return self._restored(slot)
        if slot in self._before:
            return take(self._before[slot], box)
        rule = self._plan.by_slot[slot]
        apart = self._readable(slot, box)
        if not apart or self._far(slot) > _FAR:
            return take(self._restored(slot), box)
        key = (slot, *((axis, id(places)) for axis, places in apart.items()))
        if key not in self._before:  # with the box, so that no other list of places gets its identity
            self._before[key] = apart, rule.compute(self.before, apart)
        value = self._before[key][1]
        rest = {axis: places for axis, places in box.items() if axis not in apart}
        return take(value, rest) if rest else value

    def _readable(self, slot: Slot, box: Box) -> Box:
        """The axes of a box along which an operation can be run in part."""
        labels = {label for each in self._plan.by_slot[slot].labels.values() for label in each}
        return {axis: places for axis, places in box.items() if axis in labels}

    def _restored(self, slot: Slot) -> Any:
        """A result that is not kept, computed again from the nearest ones that are."""
        if slot in self._before:
            return self._before[slot]
        missing, waiting = set(), [slot]
        while waiting:
            each = waiting.pop()
            if each in missing or each in self._before or each in self._reference.values:
                continue
            missing.add(each)
            waiting.extend(self._plan.by_slot[each].step.operands)
        for each in sorted(missing):
            self._before[each] = self._plan.by_slot[each].compute(self._known, {})
        return self._before[slot]

    def _known(self, slot: Slot, _: Box | None = None) -> Any:
        values = self._reference.values
        return values[slot] if slot in values else self._before[slot]

    def _far(self, slot: Slot) -> int:
        """How many operations lie between a result and the nearest kept ones."""
        if slot in self._reference.values:
            return 0
        if not self._distance:
            for rule in self._plan.rules:
                found = (self._distance.get(each, 0) for each in rule.step.operands)
                kept = rule.step.slot in self._reference.values
                self._distance[rule.step.slot] = 0 if kept else 1 + max(found, default=0)
        return self._distance[slot]
