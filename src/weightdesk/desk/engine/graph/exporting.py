"""A model as a list of operations, by `torch.export`.

Operations in place become ordinary ones; linear layers, convolutions, normalisations and attention stay
whole. The number of examples is left open, so that one list serves a single example and the probe set.
"""

from __future__ import annotations

import inspect
import io
import logging
import operator
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map

from weightdesk.desk.engine.graph.step import Operand, Slot, Step, make_step
from weightdesk.desk.nesting import tensors_of
from weightdesk.explain.batch import Batch
from weightdesk.explain.compiled import as_written
from weightdesk.explain.tracing import arguments
from weightdesk.types import ParameterName

_SMALL: Final = 12  # places of a picture


@dataclass(frozen=True, eq=False)
class Network:
    """What a model does, as operations in order.

    Attributes:
        steps: the operations.
        count: number of slots.
        parameters: slot of each parameter that is used.
        constants: buffers and other tensors that no turn changes, by slot.
        inputs: slots of the leaves of the inputs; None for a leaf that is not read.
        outputs: slots of the tensors of the outputs, or what such a tensor is where nothing computes it.
    """

    steps: tuple[Step, ...]
    count: int
    parameters: Mapping[ParameterName, Slot]
    constants: Mapping[Slot, Tensor]
    inputs: tuple[Slot | None, ...]
    outputs: tuple[Operand | Any, ...]

    def leaves(self, inputs: Any) -> dict[Slot, Any]:
        """The inputs by slot."""
        found = tree_flatten(arguments(inputs))[0]
        return {slot: leaf for slot, leaf in zip(self.inputs, found, strict=True) if slot is not None}


def export(model: nn.Module, inputs: Any, size: int) -> Network:
    """Export a model; whatever torch raises where it cannot be exported is passed on.

    Arguments:
        model: in evaluation mode.
        inputs: of at least two examples: with one, torch takes their number to be fixed.
        size: number of examples in them.
    """
    batch = Batch(inputs, 0, size)
    positional, keywords = arguments(inputs)
    sizes = tree_map(
        lambda leaf: {0: torch.export.Dim.AUTO} if batch.has_examples(leaf) else None, (positional, keywords)
    )
    shapes = _by_name(model, positional, keywords, *sizes)
    with torch.no_grad(), as_written(), torch.random.fork_rng(), _quiet(), _bare(model):
        exported = torch.export.export(model, positional, keywords, dynamic_shapes=shapes, strict=False)
        exported = exported.run_decompositions({})
    return _Reader(model, exported).network()


@contextmanager
def _bare(model: nn.Module) -> Iterator[None]:
    """Let the model return its tensors alone: what they are nested in may be unknown to torch."""
    handle = model.register_forward_hook(lambda *given: tensors_of(given[-1]))
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to itself what torch says of its insides and of models that it cannot export."""
    logger = logging.getLogger("torch.fx.experimental.symbolic_shapes")
    was, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = was


def _by_name(model: nn.Module, positional: Any, keywords: Any, sizes: Any, named: Any) -> Any:
    """Sizes for `torch.export`: in order, or by name where there are keyword arguments."""
    if not keywords:
        return tuple(sizes)
    names = list(inspect.signature(model.forward).parameters)[: len(positional)]
    return {**dict(zip(names, sizes, strict=True)), **named}


class First:
    """The first result of an operation that has several; the others are for training.

    Attributes:
        whole: the operation.
    """

    def __init__(self, whole: Any) -> None:
        self.whole = whole

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Run it."""
        return self.whole(*arguments, **keywords)[0]


class ChannelsFirst:
    """A convolution of small pictures, which torch runs quickest with channels first.

    Measured on one core, 16 pictures of 512 channels, 2×2: 6.0 ms against 10.3 with channels last.

    Attributes:
        whole: the convolution.
    """

    def __init__(self, whole: Any) -> None:
        self.whole = whole

    def __call__(self, inputs: Tensor, weight: Tensor, *rest: Any) -> Any:
        """Run it."""
        return self.whole(inputs.contiguous(), weight.contiguous(), *rest)


def _is_small(picture: Any) -> bool:
    return all(isinstance(size, int) for size in picture) and prod(picture) < _SMALL


def _only_first_is_read(node: Any) -> bool:
    return (
        node.op == "call_function"
        and node.target is not operator.getitem
        and node.target not in (torch.ops.aten.unbind.int, torch.ops.aten.split.Tensor)
        and isinstance(node.meta.get("val"), tuple)
        and bool(node.users)
        and all(user.target is operator.getitem and user.args[1] == 0 for user in node.users)
    )


class _Reader:
    def __init__(self, model: nn.Module, exported: Any) -> None:
        self._exported, self._signature = exported, exported.graph_signature
        # By identity: a tied parameter has several names, of which the exported network uses any.
        self._names = {id(each): name for name, each in model.named_parameters()}
        self._known = dict(model.named_parameters(remove_duplicate=False))
        self._slots: dict[Any, Operand] = {}

    def network(self) -> Network:
        nodes = list(self._exported.graph_module.graph.nodes)
        slots = {node: Operand(number) for number, node in enumerate(nodes)}
        self._slots = slots
        steps: list[Step] = []
        inputs: list[Slot | None] = []
        parameters: dict[ParameterName, Slot] = {}
        constants: dict[Slot, Tensor] = {}
        outputs: tuple[Any, ...] = ()
        specifications = iter(self._signature.input_specs)
        for node in nodes:
            slot = slots[node].slot
            if node.op == "placeholder":
                self._placeholder(node, slot, next(specifications), inputs, parameters, constants)
            elif node.op == "call_function" and not self._is_first(node):
                steps.append(make_step(slot, self._function(node), *self._translated(node)))
            elif node.op == "get_attr":  # a part of the network that a control operation runs
                constants[slot] = self._attribute(node.target)
            elif node.op == "output":
                outputs = self._outputs(node)
        return Network(tuple(steps), len(nodes), parameters, constants, tuple(inputs), outputs)

    def _placeholder(
        self, node: Any, slot: Slot, specification: Any, inputs: Any, parameters: Any, constants: Any
    ) -> None:
        kind = specification.kind.name
        if kind == "USER_INPUT":
            inputs.append(slot if node.users else None)
        elif not node.users:
            return
        elif kind == "PARAMETER":
            name = self._names[id(self._known[specification.target])]
            if name in parameters:
                self._slots[node] = Operand(parameters[name])
            parameters.setdefault(name, slot)
        elif kind == "BUFFER" or kind == "CONSTANT_TENSOR":
            held = {**self._exported.state_dict, **self._exported.constants}
            constants[slot] = held[specification.target]
        else:
            raise NotImplementedError(f"it reads {kind.lower().replace('_', ' ')} {specification.target}")

    def _function(self, node: Any) -> Any:
        """What computes a node: views may copy, for results may lie in memory in another order."""
        if node.target in (torch.ops.aten.view.default, torch.ops.aten._unsafe_view.default):
            return torch.ops.aten.reshape.default
        if node.target is torch.ops.aten.conv2d.default and _is_small(node.meta["val"].shape[2:]):
            return ChannelsFirst(node.target)
        return First(node.target) if _only_first_is_read(node) else node.target

    def _is_first(self, node: Any) -> bool:
        """Whether a node takes the one result of several that is read; it is the same slot then."""
        if node.target is not operator.getitem or not _only_first_is_read(node.args[0]):
            return False
        self._slots[node] = self._slots[node.args[0]]
        return True

    def _translated(self, node: Any) -> Any:
        from torch.fx.node import map_arg

        known: Any = self._slots.__getitem__
        translated: Any = map_arg((tuple(node.args), dict(node.kwargs)), known)
        return translated

    def _attribute(self, target: str) -> Any:
        found = self._exported.graph_module
        for name in target.split("."):
            found = getattr(found, name)
        return found

    def _outputs(self, node: Any) -> tuple[Any, ...]:
        specifications = self._signature.output_specs
        return tuple(
            self._slots.get(value, value) if hasattr(value, "users") else value
            for value, specification in zip(node.args[0], specifications, strict=True)
            if specification.kind.name == "USER_OUTPUT"
        )
