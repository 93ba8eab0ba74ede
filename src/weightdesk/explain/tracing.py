"""Runs a model once and notes every operation that uses a parameter, with what went in and came out.

Functions are intercepted rather than modules hooked: a parameter may be used by an operation that no
module wraps, by several modules, or twice by one.

The results of these operations, the *stations* of the forward pass, can be cut off: the rest of the
network then sees a copy that is a leaf of its own graph. Backpropagation can so be done by hand,
from one station to those before it, and every step of the chain rule looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from weightdesk.explain.attention import multi_head_attention
from weightdesk.explain.compiled import as_written
from weightdesk.explain.operations import READERS, Operation
from weightdesk.types import ParameterName


@dataclass(frozen=True, eq=False)
class Role:
    """How an operation uses a parameter.

    Attributes:
        name: the parameter's name.
        place: `weight` or `bias` of the operation.
        start: the parameter's first row that the operation uses; a fused projection is used in parts.
    """

    name: ParameterName
    place: str
    start: int = 0


@dataclass(frozen=True, eq=False)
class Station:
    """An operation of the forward pass that uses parameters.

    Attributes:
        module: name of the innermost module that it is part of; empty for the model itself.
        operation: what it does, with its inputs.
        roles: the parameters that it uses.
        result: what came out, part of the graph that leads here from the stations before.
        leaf: where the stations were cut, what the rest of the network was given instead.
        edge: its place in the graph, which holds even if the network goes on in place.
    """

    module: str
    operation: Operation
    roles: tuple[Role, ...]
    result: Tensor
    leaf: Tensor | None = None
    edge: GradientEdge | None = None

    def role(self, name: ParameterName) -> Role | None:
        """How it uses a parameter; None where it does not."""
        return next((role for role in self.roles if role.name == name), None)


@dataclass(frozen=True, eq=False)
class Trace:
    """A forward pass.

    Attributes:
        outputs: what the model returned.
        stations: in the order in which they ran.
    """

    outputs: Any
    stations: tuple[Station, ...]

    def uses(self, name: ParameterName) -> list[Station]:
        """The stations that use a parameter."""
        return [each for each in self.stations if each.role(name)]


def trace(model: nn.Module, inputs: Any, *, cut: bool = False) -> Trace:
    """Run a model on inputs and note the stations; call within `untouched`.

    Arguments:
        model: any module.
        inputs: a tensor, or a tuple of positional or a mapping of keyword arguments.
        cut: whether to cut the stations off from what follows.
    """
    with _module_names(model) as place, _Tracer(model, place, cut=cut) as tracer:
        outputs = call(model, inputs)
    return Trace(outputs, tuple(tracer.stations))


def call(model: nn.Module, inputs: Any) -> Any:
    """Run a model on a tensor, a tuple of positional or a mapping of keyword arguments."""
    positional, keywords = arguments(inputs)
    return model(*positional, **keywords)


def arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and keyword arguments of a tensor, a tuple of the former or a mapping of the latter.

    >>> arguments([1, 2]), arguments({"x": 3})
    (((1, 2), {}), ((), {'x': 3}))
    """
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,), {}


@contextmanager
def untouched(model: nn.Module, seed: int | Tensor = 0) -> Iterator[None]:
    """Let a model run with gradients and leave it, and torch's random numbers, as they were.

    Dropout takes its mask from the seed, or from a state of torch's random numbers. Attention is
    computed by the formula, for only that can be differentiated twice. What was compiled runs as it
    was written.
    """
    kept = {name: value.detach().clone() for name, value in _written(model)}
    frozen = [each for each in model.parameters() if not each.requires_grad and each.is_floating_point()]
    with ExitStack() as stack:
        stack.enter_context(as_written())
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.random.fork_rng())
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        torch.manual_seed(0 if isinstance(seed, Tensor) else seed)  # of accelerators as well
        if isinstance(seed, Tensor):
            torch.set_rng_state(seed)
        try:
            for parameter in frozen:
                parameter.requires_grad_(True)
            yield
        finally:
            for parameter in frozen:
                parameter.requires_grad_(False)
            for name, value in _written(model):
                value.data.copy_(kept[name])


def _written(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """What a forward pass may write to: buffers, and the weights of an embedding with a largest norm."""
    yield from model.named_buffers()
    for name, module in model.named_modules():
        if isinstance(module, (nn.Embedding, nn.EmbeddingBag)) and module.max_norm is not None:
            yield f"{name}.weight", module.weight


@contextmanager
def _module_names(model: nn.Module) -> Iterator[Callable[[], str]]:
    """The name of the module that is running, while the model runs."""
    running = [""]
    handles = []
    for name, module in model.named_modules():
        if name:
            handles.append(module.register_forward_pre_hook(lambda *_, name=name: running.append(name)))
            handles.append(
                module.register_forward_hook(lambda *_: (running.pop(), None)[1], always_call=True)
            )
    try:
        yield lambda: running[-1]
    finally:
        for handle in handles:
            handle.remove()


class _Tracer(TorchFunctionMode):
    def __init__(self, model: nn.Module, place: Callable[[], str], *, cut: bool) -> None:
        super().__init__()
        self.stations: list[Station] = []
        self._place, self._cut = place, cut
        self._known: dict[int, tuple[ParameterName, nn.Parameter]] = {}
        for name, parameter in model.named_parameters():
            self._known.setdefault(parameter.untyped_storage().data_ptr(), (name, parameter))

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function is functional.multi_head_attention_forward:
            with suppress(NotImplementedError), self:  # by its parts, so that its projections are noticed
                return multi_head_attention(*args, **kwargs)
        used = [each for each in tree_leaves((args, kwargs)) if self._belongs(each)]
        result = function(*args, **kwargs)
        if not used or not isinstance(result, Tensor) or self._belongs(result):
            return result  # no parameter in it, or only another view of one
        return self._note(function, args, kwargs, used, result)

    def _note(self, function: Any, args: Any, kwargs: Any, used: list[Tensor], result: Tensor) -> Tensor:
        reader = READERS.get(function)
        with torch.no_grad():
            operation = reader(*args, **kwargs) if reader else None
        if operation is None:
            name = getattr(function, "__name__", str(function))
            operation = Operation("unknown", name, used[0].detach(), used[0])
        if not (result.is_floating_point() and result.requires_grad):
            return result
        leaf = result.detach().clone().requires_grad_() if self._cut else None
        roles = tuple(self._role(tensor, operation) for tensor in used)
        edge = get_gradient_edge(result)
        self.stations.append(Station(self._place(), operation, roles, result, leaf, edge))
        # A copy, for the network may go on in place, and a leaf must not change.
        return result if leaf is None else leaf.clone()

    def _belongs(self, value: Any) -> bool:
        return isinstance(value, Tensor) and value.untyped_storage().data_ptr() in self._known

    def _role(self, tensor: Tensor, operation: Operation) -> Role:
        name, parameter = self._known[tensor.untyped_storage().data_ptr()]
        start = 0
        if parameter.ndim and parameter.stride(0):
            start = (tensor.storage_offset() - parameter.storage_offset()) // parameter.stride(0)
        is_bias = operation.bias is not None and tensor.data_ptr() == operation.bias.data_ptr()
        return Role(name, "bias" if is_bias else "weight", start)
