"""Operations on each place alone: activations, sums of two tensors, copies."""

from __future__ import annotations

from math import prod
from typing import Any, Final

import torch

from weightdesk.desk.engine.graph.box import Part
from weightdesk.desk.engine.graph.rules.rule import Rule, Shapes, Values, broadcast, same_bits
from weightdesk.desk.engine.graph.step import Step

_COPIES: Final = frozenset({
    "clone", "_to_copy", "detach", "alias", "lift_fresh_copy", "contiguous", "dropout", "to", "type_as",
    "gelu", "silu", "mish", "hardswish", "relu", "relu6", "leaky_relu", "selu", "softplus",
})  # fmt: skip
_FLAT: Final = frozenset({
    "relu", "relu6", "clamp", "clamp_min", "clamp_max", "hardtanh", "threshold", "where", "maximum",
    "minimum", "hardshrink", "softshrink", "hardsigmoid", "hardswish", "sign", "round", "floor", "ceil",
    "mul", "masked_fill", "gt", "lt", "ge", "le", "eq", "ne",
})  # fmt: skip
"""Give the same for different operands: behind them nothing may have changed."""


def make(step: Step, shapes: Shapes) -> Rule | None:
    """The rule of an operation on each place alone; None for any other."""
    name = operation(step.function)
    shape = shapes[step.slot]
    pointwise = torch.Tag.pointwise in (getattr(step.function, "tags", None) or ())
    if shape is None or not (pointwise or name in _COPIES):
        return None
    labels = {}
    for slot in step.operands:
        operand = shapes[slot]
        if operand is not None:
            labels[slot] = broadcast(operand, shape)
    return (Flat if name in _FLAT else Rule)(step, labels, shape, 4 * prod(shape))


class Flat(Rule):
    """An operation that may give the same for different operands: where it does, nothing changed."""

    def propagate(self, turn: Values) -> Part | None:
        """See `Rule`."""
        part = super().propagate(turn)
        assert part is not None
        if part.box and same_bits(part.values, turn.before(self.step.slot, part.box)):
            return None
        return part


def operation(function: Any) -> str:
    """The name of an ATen operation without its overload; empty for any other function.

    >>> operation(torch.ops.aten.add.Tensor)
    'add'
    """
    function = getattr(function, "whole", function)
    if not isinstance(function, torch._ops.OpOverload):
        return ""
    return function._schema.name.partition("::")[2] if function.namespace == "aten" else ""
