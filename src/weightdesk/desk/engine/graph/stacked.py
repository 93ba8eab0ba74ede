"""Some examples for many values of one weight at once, as rows of one run.

A row is an example with the weight at one of the values. What reads the weight is computed value by
value, of one unit as a rule, and where it is linear in the weight from three values. Everything behind
runs once for all rows, as after a turn: only what changed, added to what was there.

| results | of them there is |
| --- | --- |
| that the weight does not reach | one for each example; a row reads that of its example |
| that hold no examples, such as a weight turned round | one for each value |
| all others | one for each row |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from weightdesk.desk.engine.graph.box import Box, Part, hull, take
from weightdesk.desk.engine.graph.differences import difference
from weightdesk.desk.engine.graph.folds import Fold
from weightdesk.desk.engine.graph.plan import Plan
from weightdesk.desk.engine.graph.reference import Reference, scales_of
from weightdesk.desk.engine.graph.rules import Rule
from weightdesk.desk.engine.graph.started import Linear, Listed, Started
from weightdesk.desk.engine.graph.step import Operand, Slot
from weightdesk.desk.engine.graph.turn import Turn
from weightdesk.desk.engine.stack import Rows, Turned
from weightdesk.desk.nesting import with_tensors
from weightdesk.types import Index, ParameterName

if TYPE_CHECKING:
    from weightdesk.desk.engine.graph.incremental import GraphEngine
    from weightdesk.desk.state import State

_ANCHORS: Final = 3
_LINEAR: Final = 1e-6


class Stacked:
    """See the module.

    Arguments:
        engine: has the network.
        examples: numbers of the examples.
        state: around which the weight is turned.
        weight: its parameter and index.
        outputs: what the model returns for any examples.
    """

    def __init__(
        self,
        engine: GraphEngine,
        examples: Int64[Tensor, " examples"],
        state: State,
        weight: tuple[ParameterName, Index],
        outputs: Any,
    ) -> None:
        self._engine, self._examples, self._state = engine, examples, state
        self._name, index = weight
        self._present = state.values[self._name][index].double()
        self._folds, self._outputs = engine.folds or {}, outputs
        self._plan, values = engine.results(examples, state)
        self._slot = self._plan.network.parameters.get(self._name)
        held = {slot: value for slot, value in enumerate(values) if value is not None}
        held.update(self._plan.constants)
        self._reference = Reference(state, held, scales_of(self._plan, held))

    @torch.no_grad()
    def run(self, values: Float[Tensor, " values"], turned: Turned, chunk: int) -> Iterator[Rows]:
        """See `Stack`."""
        if not len(values):
            return
        started, varied = self._started(values, turned)
        count, every = len(self._examples), len(values) * len(self._examples)
        chunk = min(chunk, every)
        plan = self._engine.plan(self._examples[torch.arange(chunk) % count])
        for first in range(0, every, chunk):
            # The last run repeats its last row: a plan is made for one number of rows.
            row = torch.arange(first, first + chunk).clamp(max=every - 1)
            left = min(chunk, every - first)
            each, example = row % len(values), row // len(values)
            turn = _StackedTurn(plan, self._reference, self._folds, (each, example), started, varied)
            turn.run_rows()
            leaves = [_cut(turn.leaf(leaf), left, chunk) for leaf in plan.network.outputs]
            yield Rows(each[:left], example[:left], with_tensors(self._outputs, leaves))

    def moved(self, directions: Mapping[ParameterName, Tensor], shift: Tensor) -> Any:
        """See `Stack`."""
        held, plan = self._reference.values, self._plan
        slots = plan.network.parameters
        now: dict[Slot, Any] = {
            slots[name]: held[slots[name]] + shift * direction
            for name, direction in directions.items()
            if name in slots
        }
        for rule in plan.rules:
            if not now.keys().isdisjoint(rule.step.operands):
                now[rule.step.slot] = rule.step.run(lambda slot: now.get(slot, held.get(slot)))
        leaves = [
            now.get(leaf.slot, held.get(leaf.slot)) if isinstance(leaf, Operand) else leaf
            for leaf in plan.network.outputs
        ]
        return with_tensors(self._outputs, leaves)

    def _started(self, values: Tensor, turned: Turned) -> tuple[dict[Slot, Started], dict[Slot, Started]]:
        """What reads the weight: with examples, and where it is read again behind itself what has none."""
        if self._slot is None:
            return {}, {}
        found: dict[Slot, Started] | None = None
        if len(values) > _ANCHORS:
            order = values.argsort()
            few = values[order[[0, len(order) // 3, -1]]]
            found = self._spread(self._by_value([turned(each) for each in few.tolist()]), few, values)
        if found is None:
            found = {**self._by_value([turned(each) for each in values.tolist()])}
        return tuple(
            {slot: each for slot, each in found.items() if (slot in self._folds) is folded}
            for folded in (True, False)
        )  # type: ignore[return-value]

    def _by_value(self, states: Sequence[State]) -> dict[Slot, Listed]:
        """The same for a few states, one after the other; of results without examples in full."""
        assert self._slot is not None
        turns = [self._turn(self._slot, state) for state in states]
        found: dict[Slot, Listed] = {}
        alone, behind, tied = {self._slot}, set[Slot](), False
        for rule in self._plan.rules:
            slot, operands = rule.step.slot, set(rule.step.operands)
            if not operands.isdisjoint(behind):
                behind.add(slot)
                tied = tied or not operands.isdisjoint(alone)
            elif not operands.isdisjoint(alone):
                listed = _all_of(rule, turns, whole=slot not in self._folds)
                if listed is not None:
                    found[slot] = listed
                    (behind if slot in self._folds else alone).add(slot)
        if not tied:
            return {slot: each for slot, each in found.items() if slot in self._folds}
        return {self._slot: Listed({}, torch.stack([turn.parameters[self._slot] for turn in turns])), **found}

    def _turn(self, slot: Slot, state: State) -> Turn:
        rows = state.changes_from(self._state).get(self._name)
        part = difference(self._state.values[self._name], state.values[self._name], rows)
        new = self._engine.arranged(slot, state.values[self._name])
        changes = {} if part is None else {slot: part}
        return Turn(self._plan, self._reference, changes, {slot: new})

    def _spread(
        self, found: Mapping[Slot, Listed], few: Tensor, values: Tensor
    ) -> dict[Slot, Started] | None:
        """From three values to all, where everything is linear in the weight; None where it is not."""
        spread: dict[Slot, Started] = {}
        for slot, listed in found.items():
            given, before = listed.values, take(self._reference.values[slot], listed.box)
            if given.dtype not in (torch.float32, torch.float64) or not bool(given.isfinite().all()):
                return None
            slope = (given[2] - given[0]) / float(few[2] - few[0])
            for each, expected in zip((few - self._present).tolist(), given, strict=True):
                off = (before + each * slope - expected).abs().max()
                if not float(off) <= _LINEAR * float(expected.abs().max()):
                    return None
            spread[slot] = Linear(listed.box, before, slope, (values - self._present).to(given.dtype))
        return spread


class _StackedTurn(Turn):
    """A turn of rows: what was before are the results of the examples."""

    def __init__(
        self,
        plan: Plan,
        reference: Reference,
        folds: Mapping[Slot, Fold],
        rows: tuple[Tensor, Tensor],
        started: Mapping[Slot, Started],
        varied: Mapping[Slot, Started],
    ) -> None:
        super().__init__(plan, reference, {}, {})
        self._folds, self._rows = folds, rows
        self._started, self._varied = started, varied

    def run_rows(self) -> None:
        """Run what the weight reaches."""
        for rule, released in zip(self._plan.rules, self._plan.released, strict=True):
            part, slot = None, rule.step.slot
            if slot in self._started:
                part = self._start(self._started[slot], self._folds[slot])
            elif not self.changes.keys().isdisjoint(rule.step.operands):
                tied = not self._varied.keys().isdisjoint(rule.step.operands)
                part = Part({}, self._each(rule, self._folds[slot])) if tied else rule.propagate(self)
            if part is not None:
                self.changes[slot] = part
            for each in released:
                self.changes.pop(each, None)
                self._whole.pop(each, None)

    def leaf(self, leaf: Any) -> Any:
        """A leaf of the outputs."""
        return self.now(leaf.slot) if isinstance(leaf, Operand) else leaf

    def before(self, slot: Slot, box: Box | None = None) -> Any:
        """See `Values`: what it is for the example of each row."""
        fold = self._folds.get(slot)
        value = self._plan.constants[slot] if slot in self._plan.constants else self._reference.values[slot]
        if fold is None:
            return take(value, box) if box else value
        places = fold.places(self._rows[1])
        if box:
            if fold.axis in box:
                places = places[box[fold.axis]]
            value = take(value, {axis: each for axis, each in box.items() if axis != fold.axis})
        return value.index_select(fold.axis, places)

    def _start(self, started: Started, fold: Fold) -> Part | None:
        values, examples = self._rows
        places, numbers = fold.places(examples), values.repeat_interleave(fold.width)
        box = dict(started.box)
        if fold.axis in box:
            known = box[fold.axis]
            box[fold.axis] = kept = torch.isin(places, known).nonzero()[:, 0]
            if not len(kept):
                return None
            places, numbers = torch.searchsorted(known, places[kept]), numbers[kept]
        return Part(box, started.rows(numbers, places, fold.axis))

    def _each(self, rule: Rule, fold: Fold) -> Tensor:
        """An operation that reads the weight behind another one that did, as tied weights do."""
        values = self._rows[0]
        pieces, at = [], []
        for each in sorted(set(values.tolist())):
            rows = (values == each).nonzero()[:, 0]
            pieces.append(rule.step.run(partial(self._of, each, rows)))
            at.append(fold.places(rows))
        return torch.cat(pieces, fold.axis).index_select(fold.axis, torch.cat(at).argsort())

    def _of(self, value: int, rows: Tensor, slot: Slot) -> Any:
        if slot in self._varied:
            return self._varied[slot].at(value)
        fold = self._folds.get(slot)
        now = self.now(slot)
        return now if fold is None else now.index_select(fold.axis, fold.places(rows))


def _all_of(rule: Rule, turns: Sequence[Turn], *, whole: bool) -> Listed | None:
    """What an operation gives in each turn; None where nothing changes in any."""
    slot, boxes = rule.step.slot, []
    for turn in turns:
        if not turn.changes.keys().isdisjoint(rule.step.operands):
            part = rule.propagate(turn)
            if part is not None:
                turn.changes[slot] = part
                boxes.append(part.box)
    if not boxes:
        return None
    box = {} if whole or not all(boxes) else hull(boxes, rule.shape or ())
    return Listed(box, torch.stack([turn.now(slot, box) for turn in turns]))


def _cut(leaf: Any, left: int, rows: int) -> Any:
    """A leaf of the outputs without the rows that only fill up."""
    return leaf[:left] if isinstance(leaf, Tensor) and leaf.ndim and len(leaf) == rows else leaf
