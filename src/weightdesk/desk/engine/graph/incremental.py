"""Runs only what lies behind the changed weights, and of that only the changed part."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

from weightdesk.desk.engine.comparison import agree, moved
from weightdesk.desk.engine.forward import Forward, ForwardLane, chosen
from weightdesk.desk.engine.graph.differences import Differences
from weightdesk.desk.engine.graph.exporting import Network, export
from weightdesk.desk.engine.graph.folds import Fold, folds
from weightdesk.desk.engine.graph.keeping import bytes_of, choose
from weightdesk.desk.engine.graph.lane import GraphLane
from weightdesk.desk.engine.graph.layout import Layout
from weightdesk.desk.engine.graph.plan import Plan, make_plan, run_all
from weightdesk.desk.engine.graph.reference import Reference, scales_of
from weightdesk.desk.engine.graph.step import Operand, Slot
from weightdesk.desk.nesting import leaves_of, tensors_of, with_tensors
from weightdesk.explain.batch import Batch, batch_of
from weightdesk.types import ParameterName

if TYPE_CHECKING:
    from weightdesk.desk.state import State

_SHOWN: Final = 16
_NEAR: Final = 8_000_000  # bytes of the largest result of a chunk
_WORK: Final = 5e9  # multiplications of a chunk
_LARGEST_CHUNK: Final = 2048


class GraphEngine:
    """See `Engine`."""

    reasons: tuple[str, ...] = ()

    def __init__(self, model: nn.Module, inputs: Any, original: State, *, memory: int) -> None:
        """Export the model and compare; raises whatever stands in the way."""
        self._batch, self.original, self._memory = batch_of(inputs), original, memory
        self.count = self._batch.size
        self._forward, self._differences = Forward(model), Differences()
        two = self._batch.take(inputs, [0, 1 if self._batch.size > 1 else 0])
        self._network = export(model, two, 2)
        self._layout = Layout(self._network)
        self._plans: dict[Any, tuple[Plan, frozenset[Slot]]] = {}
        self._used = 0
        self._lock = Lock()
        self.chunk = 1
        try:
            self._check(two)
        except ArithmeticError:  # it may be that only the order of channels matters to the model
            self._layout = Layout(self._network, wanted=False)
            self._check(two)
        some = self._batch.take(inputs, range(min(_SHOWN, self._batch.size)))
        plan, self.chunk = self._check(some)
        self._check(self._batch.first())
        kept = len(self._kept(plan, min(_SHOWN, self._batch.size)) - plan.outputs)
        self.name = f"incremental: {len(plan.rules)} operations, {kept} results kept"

    def lane(self, examples: slice | Tensor) -> GraphLane | ForwardLane:
        """See `Engine`."""
        inputs = chosen(self._batch, examples)
        outputs = self._forward(inputs, self.original.values)
        expected = tensors_of(outputs)
        given = self._given(inputs, self.original.values)
        count = _count(self._batch, inputs)
        with torch.no_grad():
            plan, keep, kept = self._run(given, count)
        if not agree(_leaves(self._network, {**given, **kept}), expected):
            self.reasons = (f"forward passes where {count} examples run together: another result",)
            return ForwardLane(self._forward, inputs, self.original)
        # The model's own outputs, so that what no turn reaches does not differ from them by rounding.
        for each, leaf in zip(self._network.outputs, expected, strict=True):
            if isinstance(each, Operand) and each.slot in kept:
                kept[each.slot] = leaf
        reference = Reference(self.original, {**given, **plan.constants, **kept}, scales_of(plan, kept))
        lane = GraphLane(plan, self._layout, self._differences, reference, keep, outputs, count)
        self._hold(lane, bytes_of(plan, keep))
        return lane

    @cached_property
    def folds(self) -> dict[Slot, Fold] | None:
        """Where examples lie in each result; None where they cannot be told apart in all."""
        try:
            return folds(self)
        except ArithmeticError:
            return None

    @torch.no_grad()
    def results(self, examples: Tensor, state: State) -> tuple[Plan, list[Any]]:
        """All results of some examples in a state, by slot."""
        values = run_all(self._network, self._given(chosen(self._batch, examples), state.values))
        return make_plan(self._network, values), values

    def plan(self, examples: Tensor) -> Plan:
        """The plan for so many examples; they are run unless it is known."""
        given = self._given(chosen(self._batch, examples), self.original.values)
        with torch.no_grad(), self._lock:
            key = _shapes(given)
            known = self._plans.get(key)
        if known is None:
            plan = self.results(examples, self.original)[0]
            known = plan, self._kept(plan, len(examples))
            with self._lock:
                self._plans[key] = known
        return known[0]

    def arranged(self, slot: Slot, value: Tensor) -> Tensor:
        """A parameter as it lies in memory here."""
        return self._layout.of_parameter(slot, value)

    def _run(self, given: Mapping[Slot, Any], count: int) -> tuple[Plan, frozenset[Slot], dict[Slot, Any]]:
        key = _shapes(given)
        with self._lock:
            known = self._plans.get(key)
        if known is None:
            values = run_all(self._network, given)
            plan = make_plan(self._network, values)
            keep = self._kept(plan, count)
            with self._lock:
                self._plans[key] = plan, keep
            return plan, keep, {slot: values[slot] for slot in keep}
        plan, keep = known
        if self._used + bytes_of(plan, keep) > self._memory:
            keep = plan.outputs
        return plan, keep, plan.run({**plan.constants, **given}, keep)

    def _kept(self, plan: Plan, count: int) -> frozenset[Slot]:
        """What a lane of so many examples keeps: its share, with room for one lane being renewed."""
        share = self._memory * count // (self._batch.size + 4 * _SHOWN + self.chunk)
        return choose(plan, share)

    def _hold(self, lane: GraphLane, size: int) -> None:
        with self._lock:
            self._used += size
        weakref.finalize(lane, self._release, size)

    def _release(self, size: int) -> None:
        with self._lock:
            self._used -= size

    def _given(self, inputs: Any, values: Mapping[ParameterName, Tensor]) -> dict[Slot, Any]:
        network, layout = self._network, self._layout
        return {
            **network.constants,
            **{slot: layout.of_input(leaf) for slot, leaf in network.leaves(inputs).items()},
            **{slot: layout.of_parameter(slot, values[name]) for name, slot in network.parameters.items()},
        }

    @torch.no_grad()
    def _check(self, inputs: Any) -> tuple[Plan, int]:
        """Compare with the model, as it is and with all weights moved; the plan and a good chunk."""
        original = self.original.values
        unedited = self._forward(inputs, original)
        other = {name: moved(each) for name, each in original.items()}
        for values, outputs in ((original, unedited), (other, self._forward(inputs, other))):
            results = run_all(self._network, self._given(inputs, values))
            found = _leaves(self._network, dict(enumerate(results)))
            if len(found) != len(tensors_of(outputs)) or not agree(
                leaves_of(with_tensors(unedited, found)), leaves_of(outputs)
            ):
                raise ArithmeticError("what was exported gives another result than the model")
        plan = make_plan(self._network, results)
        return plan, _chunk(plan, _count(self._batch, inputs))


def _shapes(given: Mapping[Slot, Any]) -> tuple[tuple[Slot, tuple[int, ...]], ...]:
    return tuple((slot, tuple(value.shape)) for slot, value in given.items() if isinstance(value, Tensor))


def _count(batch: Batch, inputs: Any) -> int:
    return batch_of(inputs).size if batch.axis is not None else 1


def _chunk(plan: Plan, count: int) -> int:
    largest = max(plan.sizes.values(), default=0) / count
    work = sum(rule.cost for rule in plan.rules) / count
    fitting = min(_NEAR / max(largest, 1), _WORK / max(work, 1), _LARGEST_CHUNK)
    return max(1, int(fitting))


def _leaves(network: Network, values: Mapping[Slot, Any]) -> list[Any]:
    return [values[each.slot] if isinstance(each, Operand) else each for each in network.outputs]
