"""How the losses of examples change when one unit of a layer gives other values.

`Replay` knows the network as a graph and runs only what lies downstream of the layer; where the unit
keeps to itself for a while (see `lane`), only the unit. `Override` runs the whole network and puts
the values in the place of the layer's result; that works for every network.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

import torch
from torch import Tensor, fx
from torch.utils._pytree import tree_leaves

from weightdesk.explain.importance.lane import find_lane
from weightdesk.explain.importance.layer import Layer
from weightdesk.explain.importance.probe import Probe
from weightdesk.explain.tracing import arguments

_STACK_BYTES: Final = 2 << 20  # of one intermediate result: small enough to stay near the processor


class Downstream(Protocol):
    """Follows changed values of a unit to the losses."""

    name: str
    floor: float
    """Below it the unit's value makes no difference: 0 before a ReLU, else −∞."""

    def changes(self, unit: int, values: Tensor, examples: Tensor) -> Tensor:
        """Loss of an example with a unit at a value, minus its loss as it is.

        Arguments:
            unit: which unit.
            values: (rows, *places) what it gives.
            examples: (rows,) for which example.

        Returns:
            (rows,) in double precision.
        """
        ...


def follow(probe: Probe, layer: Layer) -> Downstream | None:
    """The quickest way that reproduces what zeroing weights does; None where none does."""
    losses = probe.losses(probe.outputs(), torch.arange(probe.count))
    for make in (Replay, Override):
        try:
            way = make(probe, layer, losses)
            if _reproduces(way, probe, layer, losses):
                return way
        except Exception:  # noqa: S112 - what a graph or a hook cannot follow fails in many ways
            continue
    return None


def _reproduces(way: Downstream, probe: Probe, layer: Layer, losses: Tensor) -> bool:
    """Whether units muted downstream give what units muted in the parameter give, example by example.

    The examples come in another number and order than in the set, some of them twice.
    """
    every = torch.arange(probe.count)
    examples = every.flip(0)[: max(1, probe.count // 2)].repeat(3)[:-1]
    for unit in _largest(layer, 2):
        muted = layer.parameter.clone()
        muted.select(layer.unit_axis, unit).zero_()
        expected = probe.losses(probe.outputs({layer.name: muted}), every) - losses
        moved = layer.at(unit) + layer.displacements(unit, layer.row(unit)[None])[0]
        found = way.changes(unit, moved[examples], examples)
        scale = float(losses.abs().max()) + float(expected.abs().max()) + 1e-3
        if float((found - expected[examples]).abs().max()) > probe.tolerance * scale:
            return False
    return True


def _largest(layer: Layer, count: int) -> list[int]:
    """The units with the largest weights."""
    rows = layer.parameter.movedim(layer.unit_axis, 0).reshape(layer.units, -1)
    return rows.norm(dim=1).topk(min(count, layer.units)).indices.tolist()  # type: ignore[no-any-return]


class Override:
    """Runs the network with the layer's result replaced."""

    name = "forward passes with one layer's result replaced"
    floor = -torch.inf

    def __init__(self, probe: Probe, layer: Layer, losses: Tensor) -> None:
        self._probe, self._layer, self._losses = probe, layer, losses

    def changes(self, unit: int, values: Tensor, examples: Tensor) -> Tensor:
        """See `Downstream`."""
        size = self._probe.count  # as much as the probe set needs
        pairs = zip(torch.split(values, size), torch.split(examples, size), strict=True)
        return torch.cat([self._run(unit, *pair) for pair in pairs])

    def _run(self, unit: int, values: Tensor, examples: Tensor) -> Tensor:
        def replace(_module: Any, _inputs: Any, result: Tensor) -> Tensor:
            replaced = self._layer.z[examples]
            if replaced.shape != result.shape:
                raise RuntimeError("the module gives something else than its operation")
            replaced.select(self._layer.axis, unit).copy_(values)
            return replaced

        handle = self._probe.model.get_submodule(self._layer.module).register_forward_hook(replace)
        try:
            outputs = self._probe.outputs(examples=examples)
        finally:
            handle.remove()
        return self._probe.losses(outputs, examples) - self._losses[examples]


class Replay:
    """Runs the part of the network's graph that the layer's result reaches."""

    def __init__(self, probe: Probe, layer: Layer, losses: Tensor) -> None:
        self._probe, self._layer = probe, layer
        self._graph = fx.symbolic_trace(probe.model)
        node = _call(self._graph.graph.nodes, layer.module)
        self._lane = find_lane(self._graph, node, layer.axis, layer.z.ndim)
        start = self._lane.mixer if self._lane else node
        self._nodes = _reached(self._graph.graph, start)
        self._start, self._interpreter = start, fx.Interpreter(self._graph, garbage_collect_values=False)
        self._kept, widest = self._run_once(probe, start)
        self._rows = max(1, min(_STACK_BYTES // widest, 4 * probe.count))
        self._last: tuple[int, Tensor] | None = None
        self._losses = torch.zeros_like(losses)
        self._losses = self._unchanged()  # rounded as they will be when something changes
        lane = "the unit alone, then " if self._lane else ""
        self.name = f"downstream of the layer: {lane}{len(self._nodes)} operations"
        self.floor = 0.0 if self._lane and self._lane.rectified else -torch.inf

    def changes(self, unit: int, values: Tensor, examples: Tensor) -> Tensor:
        """See `Downstream`."""
        if self._lane is None:
            return self._in_stacks(unit, values, examples)
        moved = self._lane.alone(unit, values, self._layer.axis) - self._unmoved(unit)[examples]
        changed = moved.flatten(1).any(1).nonzero()[:, 0]  # the others did not get through the activation
        result = torch.zeros(len(values), dtype=torch.float64)
        if len(changed):
            result[changed] = self._in_stacks(unit, moved[changed], examples[changed])
        return result

    def _unchanged(self) -> Tensor:
        values = self._layer.at(0) if self._lane is None else torch.zeros_like(self._unmoved(0))
        return self._in_stacks(0, values, torch.arange(self._probe.count))

    def _unmoved(self, unit: int) -> Tensor:
        assert self._lane is not None
        if self._last is None or self._last[0] != unit:  # the same unit is asked for many times in a row
            self._last = unit, self._lane.alone(unit, self._layer.at(unit), self._layer.axis)
        return self._last[1]

    def _in_stacks(self, unit: int, values: Tensor, examples: Tensor) -> Tensor:
        pairs = zip(torch.split(values, self._rows), torch.split(examples, self._rows), strict=True)
        return torch.cat([self._run(unit, *pair) for pair in pairs])

    def _run(self, unit: int, values: Tensor, examples: Tensor) -> Tensor:
        begun = self._begin(unit, values, examples)
        kept = {node: self._probe.batch.take(value, examples) for node, value in self._kept.items()}
        self._interpreter.env = {**kept, self._start: begun}
        for node in self._nodes:
            self._interpreter.env[node] = self._interpreter.run_node(node)
        losses = self._probe.losses(self._interpreter.env[self._nodes[-1]], examples)
        self._interpreter.env = {}
        return losses - self._losses[examples]

    def _begin(self, unit: int, values: Tensor, examples: Tensor) -> Tensor:
        if self._lane is not None:
            return self._lane.mix(self._mixed[examples], unit, values)
        begun = self._layer.z[examples]
        begun.select(self._layer.axis, unit).copy_(values)
        return begun

    def _run_once(self, probe: Probe, start: fx.Node) -> tuple[dict[fx.Node, Any], int]:
        """What the reached part needs from before it, and the bytes of an example's widest result in it."""
        arguments = _bound(probe)
        reached = {start, *self._nodes}
        needed = {each for node in self._nodes for each in node.all_input_nodes} - reached
        kept, widest = {}, 1
        for node in self._graph.graph.nodes:
            value = arguments[node.target] if node.op == "placeholder" else self._interpreter.run_node(node)
            self._interpreter.env[node] = value
            if node in needed:
                kept[node] = value.clone() if isinstance(value, Tensor) else value  # for some work in place
            if node is start and self._lane is not None:
                self._mixed = value.clone()
            if node in reached:
                sizes = [leaf.nbytes for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]
                widest = max([widest, *(size // probe.count for size in sizes)])
        self._interpreter.env = {}
        return kept, widest


def _call(nodes: Iterable[fx.Node], module: str) -> fx.Node:
    (node,) = [each for each in nodes if each.op == "call_module" and each.target == module]
    return node


def _reached(graph: fx.Graph, start: fx.Node) -> list[fx.Node]:
    """What depends on a node, in the order of running."""
    reached = {start}
    for node in graph.nodes:
        if reached.intersection(node.all_input_nodes):
            reached.add(node)
    return [node for node in graph.nodes if node in reached and node is not start]


def _bound(probe: Probe) -> Mapping[str, Any]:
    """The model's arguments by name."""
    positional, keywords = arguments(probe.batch.inputs)
    bound = inspect.signature(probe.model.forward).bind(*positional, **keywords)
    bound.apply_defaults()
    return bound.arguments
