"""How far a unit of a layer keeps to itself.

After a layer, activations, pooling and normalisation by kept statistics treat every unit alone; only
the next linear layer or convolution mixes units. Up to there a change of one unit is followed in that
unit, and what mixes is linear: its result moves by the unit's change times the weights that it meets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

Step: TypeAlias = Callable[[Tensor, int], Tensor]
"""Takes one unit's values, with the unit's axis kept at length 1, and the number of the unit."""

_ACTIVATIONS: Final = (
    nn.CELU, nn.ELU, nn.GELU, nn.Hardshrink, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh, nn.LeakyReLU,
    nn.LogSigmoid, nn.Mish, nn.ReLU, nn.SELU, nn.Sigmoid, nn.SiLU, nn.Softplus, nn.Softshrink, nn.Softsign,
    nn.Tanh, nn.Tanhshrink, nn.Threshold, nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d,
)  # fmt: skip
_POOLS: Final = (
    nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d,
    nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
    nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d,
)  # fmt: skip
_CONVOLUTIONS: Final = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMALISATIONS: Final = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_ACTIVATION_FUNCTIONS: Final = {
    torch.relu, torch.tanh, torch.sigmoid, functional.relu, functional.gelu, functional.silu, functional.elu,
    functional.leaky_relu, functional.softplus, functional.hardtanh, functional.mish, functional.selu,
    functional.tanh, functional.sigmoid, functional.dropout, functional.hardswish, functional.relu6,
}  # fmt: skip
_POOL_FUNCTIONS: Final = {
    functional.max_pool1d, functional.max_pool2d, functional.max_pool3d, functional.avg_pool1d,
    functional.avg_pool2d, functional.avg_pool3d, functional.adaptive_avg_pool1d,
    functional.adaptive_avg_pool2d, functional.adaptive_avg_pool3d,
}  # fmt: skip
_ACTIVATION_METHODS: Final = {"relu", "tanh", "sigmoid"}
_RELUS: Final = {torch.relu, functional.relu, "relu"}


@dataclass(frozen=True, eq=False)
class Lane:
    """What happens to one unit alone, and the layer that ends it.

    Attributes:
        steps: what treats the unit alone, in order.
        mixer: the node of the layer that mixes units.
        module: that layer.
        flat: whether places and units became one axis in between.
        rectified: whether the first step is a ReLU, so that below 0 nothing changes.
    """

    steps: tuple[Step, ...]
    mixer: fx.Node
    module: nn.Module
    flat: bool
    rectified: bool

    def alone(self, unit: int, values: Tensor, axis: int) -> Tensor:
        """What the mixing layer sees of a unit, for (rows, *places) that the unit gives."""
        seen = values.unsqueeze(axis).clone()  # a step may work in place
        for step in self.steps:
            seen = step(seen, unit)
        return seen

    def mix(self, result: Tensor, unit: int, moved: Tensor) -> Tensor:
        """Move, in place, the mixing layer's result as it does when what it sees of a unit moves."""
        weight = self.module.get_parameter("weight")
        if not isinstance(self.module, nn.Linear):
            module: Any = self.module
            return result.add_(module._conv_forward(moved, weight[:, unit : unit + 1].contiguous(), None))
        if not self.flat:
            return result.addcmul_(moved, weight[:, unit])
        width = moved.shape[-1]
        return result.add_(functional.linear(moved, weight[:, unit * width : (unit + 1) * width]))


def find_lane(graph: fx.GraphModule, node: fx.Node, axis: int, dims: int) -> Lane | None:
    """Follow a layer's result, whose units lie on an axis of `dims`, to the layer that mixes them."""
    steps: list[Step] = []
    flat, first = False, None
    while len(node.users) == 1:
        node = next(iter(node.users))
        module = graph.get_submodule(str(node.target)) if node.op == "call_module" else None
        if module is not None and _mixes(module, axis, dims, flat):
            return Lane(tuple(steps), node, module, flat, first is not None and _rectifies(first, graph))
        step = None if flat else _step(node, module, axis)
        if step is None:
            return None
        first = first or node
        flat = _flattens(node, module)
        steps.append(step)
    return None


def _mixes(module: Any, axis: int, dims: int, flat: bool) -> bool:
    if isinstance(module, nn.Linear):
        return flat or axis == dims - 1
    convolution = isinstance(module, _CONVOLUTIONS)
    return convolution and axis == 1 and not flat and module.groups == 1 and module.weight.ndim == dims


def _step(node: fx.Node, module: nn.Module | None, axis: int) -> Step | None:
    if module is not None:
        if isinstance(module, _NORMALISATIONS) and axis == 1:
            return _normalisation(module)
        whole = isinstance(module, _ACTIVATIONS) or (axis == 1 and isinstance(module, _POOLS))
        return (
            (lambda values, _: module(values)) if whole or (_flattens(node, module) and axis == 1) else None
        )
    if len(node.all_input_nodes) != 1 or node.args[:1] != (node.all_input_nodes[0],):
        return None
    rest, keywords = node.args[1:], dict(node.kwargs)
    function: Any = node.target
    if node.op == "call_method":
        if function in _ACTIVATION_METHODS or (_flattens(node, None) and axis == 1):
            return lambda values, _: getattr(values, function)(*rest, **keywords)
        return None
    known = function in _ACTIVATION_FUNCTIONS or (
        axis == 1 and (function in _POOL_FUNCTIONS or _flattens(node, None))
    )
    return (lambda values, _: function(values, *rest, **keywords)) if known else None


def _normalisation(module: Any) -> Step:
    def step(values: Tensor, unit: int) -> Tensor:
        kept = (module.running_mean, module.running_var, module.weight, module.bias)
        mean, variance, weight, bias = (each if each is None else each[unit : unit + 1] for each in kept)
        return functional.batch_norm(values, mean, variance, weight, bias, eps=module.eps)

    return step


def _flattens(node: fx.Node, module: nn.Module | None) -> bool:
    """Whether it joins all axes but the first."""
    if module is not None:
        return isinstance(module, nn.Flatten) and (module.start_dim, module.end_dim) == (1, -1)
    if node.target not in (torch.flatten, "flatten"):
        return False
    return (*node.args[1:], *node.kwargs.values()) in ((1,), (1, -1))


def _rectifies(node: fx.Node, graph: fx.GraphModule) -> bool:
    if node.op == "call_module":
        return type(graph.get_submodule(str(node.target))) is nn.ReLU
    return node.target in _RELUS
