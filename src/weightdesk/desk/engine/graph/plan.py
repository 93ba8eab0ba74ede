"""A network for inputs of given shapes: the rule of each operation, and what runs after what."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from weightdesk.desk.engine.graph.exporting import Network
from weightdesk.desk.engine.graph.rules import Rule, rule_of
from weightdesk.desk.engine.graph.rules.views import piece
from weightdesk.desk.engine.graph.step import Operand, Slot, Step, filled, make_step
from weightdesk.types import ParameterName


@dataclass(frozen=True, eq=False)
class Plan:
    """What a lane runs.

    Attributes:
        network: where it comes from.
        rules: of the operations, in order.
        by_slot: the same by slot of the result.
        constants: what needs no computing: buffers, sizes, tables that depend on nothing.
        sizes: bytes of each result; 0 for a view of another one.
        released: for each operation the slots that are read by it last.
    """

    network: Network
    rules: tuple[Rule, ...]
    by_slot: Mapping[Slot, Rule]
    constants: Mapping[Slot, Any]
    sizes: Mapping[Slot, int]
    released: tuple[tuple[Slot, ...], ...]
    _work: dict[frozenset[ParameterName], float] = field(default_factory=dict)

    def work_behind(self, names: frozenset[ParameterName]) -> float:
        """Work of all operations that the parameters reach, run in full."""
        if names not in self._work:
            reached = {self.network.parameters[name] for name in names if name in self.network.parameters}
            total = 0.0
            for rule in self.rules:
                if not reached.isdisjoint(rule.step.operands):
                    reached.add(rule.step.slot)
                    total += rule.cost
            self._work[names] = total
        return self._work[names]

    @cached_property
    def outputs(self) -> frozenset[Slot]:
        """Slots of the leaves of the outputs."""
        return frozenset(each.slot for each in self.network.outputs if isinstance(each, Operand))

    def run(self, given: Mapping[Slot, Any], keep: frozenset[Slot]) -> dict[Slot, Any]:
        """Run everything; what is kept of it.

        Arguments:
            given: constants, inputs and parameters by slot.
            keep: slots of the results to keep.
        """
        values, kept = dict(given), {}
        for rule, released in zip(self.rules, self.released, strict=True):
            slot = rule.step.slot
            values[slot] = rule.compute(lambda slot, _=None: values[slot], {})
            if slot in keep:
                kept[slot] = values[slot]
            for each in released:
                values.pop(each, None)
        return kept


def run_all(network: Network, given: Mapping[Slot, Any]) -> list[Any]:
    """Run everything once and keep all of it: shows shapes, and what is a view of what."""
    values: list[Any] = [None] * network.count
    for slot, value in given.items():
        values[slot] = value
    for step in network.steps:
        values[step.slot] = step.run(values.__getitem__)
    return values


def make_plan(network: Network, values: Sequence[Any]) -> Plan:
    """The plan for inputs of the shapes with which a network was run.

    Arguments:
        network: the operations.
        values: what each slot held in that run.
    """
    shapes = [tuple(each.shape) if isinstance(each, Tensor) else None for each in values]
    constants: dict[Slot, Any] = dict(network.constants)
    steps: list[Step] = []
    divided: dict[Slot, Step] = {}
    for step in network.steps:
        step = _folded(step, constants)
        if step.function is operator.getitem and step.operands[0] in divided:
            step = _piece(step, divided[step.operands[0]], shapes)
        if _is_settled(step):
            constants[step.slot] = values[step.slot]
            continue
        if isinstance(values[step.slot], (list, tuple)) and _divides(step, shapes):
            divided[step.slot] = step
        steps.append(step)
    rules = tuple(rule_of(step, shapes) for step in _read(steps, network))
    sizes = {rule.step.slot: _bytes(values, rule.step) for rule in rules}
    by_slot = {rule.step.slot: rule for rule in rules}
    return Plan(network, rules, by_slot, constants, sizes, _released(rules, network))


def _folded(step: Step, constants: Mapping[Slot, Any]) -> Step:
    """The step with sizes in place of the slots that hold them."""
    known = {slot for slot in step.operands if not isinstance(constants.get(slot, step), (Tensor, Step))}
    if not known:
        return step

    def value(slot: Slot) -> Any:
        return constants[slot] if slot in known else Operand(slot)

    arguments = [filled(each, value) for each in step.arguments]
    return make_step(
        step.slot, step.function, tuple(arguments), {k: filled(v, value) for k, v in step.keywords.items()}
    )


def _is_settled(step: Step) -> bool:
    """Whether a result depends on shapes only."""
    sized = step.function in (torch.ops.aten.sym_size.int, torch.ops.aten.sym_numel.default)
    return sized or not step.operands


def _divides(step: Step, shapes: Sequence[tuple[int, ...] | None]) -> bool:
    shape = shapes[step.operands[0]]
    return len(step.operands) == 1 and shape is not None and piece(step, shape, 0) is not None


def _piece(step: Step, whole: Step, shapes: Sequence[tuple[int, ...] | None]) -> Step:
    shape = shapes[whole.operands[0]]
    assert shape is not None
    taken = piece(whole, shape, step.arguments[1])
    assert taken is not None
    return make_step(step.slot, taken[0], (Operand(whole.operands[0]), *taken[1]), {})


def _read(steps: Sequence[Step], network: Network) -> list[Step]:
    """Without those whose results nobody reads."""
    wanted = {each.slot for each in network.outputs if isinstance(each, Operand)}
    found = []
    for step in reversed(steps):
        if step.slot in wanted:
            found.append(step)
            wanted.update(step.operands)
    return found[::-1]


def _bytes(values: Sequence[Any], step: Step) -> int:
    value = values[step.slot]
    if not isinstance(value, Tensor):
        return 0
    storage = value.untyped_storage().data_ptr()
    read = (values[slot] for slot in step.operands)
    if any(isinstance(each, Tensor) and each.untyped_storage().data_ptr() == storage for each in read):
        return 0
    return value.numel() * value.element_size()


def _released(rules: Sequence[Rule], network: Network) -> tuple[tuple[Slot, ...], ...]:
    outputs = {each.slot for each in network.outputs if isinstance(each, Operand)}
    last: dict[Slot, int] = {}
    for place, rule in enumerate(rules):
        for slot in rule.step.operands:
            last[slot] = place
    released: list[list[Slot]] = [[] for _ in rules]
    for slot, place in last.items():
        if slot not in outputs:
            released[place].append(slot)
    return tuple(tuple(each) for each in released)
