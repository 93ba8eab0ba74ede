"""Convolutions."""

from __future__ import annotations

from math import prod
from typing import Any, Final

import torch
from torch import Tensor

from weightdesk.desk.engine.graph.box import Box
from weightdesk.desk.engine.graph.rules.elementwise import operation
from weightdesk.desk.engine.graph.rules.mixing import Mixing, layer_slots
from weightdesk.desk.engine.graph.rules.rule import Labels, Rule, Shapes
from weightdesk.desk.engine.graph.step import Slot, Step, filled

_NAMES: Final = frozenset({"conv1d", "conv2d", "conv3d"})


class Convolution(Mixing):
    """See `Mixing`."""

    def multiply(self, inputs: Tensor, weight: Tensor) -> Tensor:
        """See `Mixing`."""
        if weight.ndim == 4:  # or torch would return the result in another order in memory
            weight = weight.contiguous(memory_format=torch.channels_last)
        result: Tensor = self.step.function(inputs, weight, None, *self.step.arguments[3:6])
        return result


class Depthwise(Rule):
    """A convolution in which each unit reads one channel, its own."""

    costly = True

    def compute(self, value: Any, box: Box) -> Any:
        """See `Rule`: as many groups as there are channels in the box."""
        inputs, weight, bias, *rest = (
            filled(each, lambda slot: value(slot, self.read(slot, box))) for each in self.step.arguments
        )
        return self.step.function(inputs, weight, bias, *rest[:-1], inputs.shape[1])


class Grouped(Rule):
    """A convolution of groups of channels; it runs in full."""

    costly = True


def make(step: Step, shapes: Shapes) -> Rule | None:
    """The rule of a convolution; None for any other operation."""
    shape = shapes[step.slot]
    slots = layer_slots(step, shapes) if operation(step.function) in _NAMES else None
    if shape is None or slots is None or step.keywords:
        return None
    inputs, weight, bias = slots
    kernel, channels = shapes[weight] or (), (shapes[inputs] or ())[1]
    if len(shape) != len(kernel):
        return None
    meet = (None,) * (len(shape) - 2)
    labels: dict[Slot, Labels] = {inputs: (0, None, *meet), weight: (1, None, *meet)}
    if bias is not None:
        labels[bias] = (1,)
    groups, cost = step.argument(6, "groups", 1), prod(shape) * prod(kernel[1:])
    if groups == 1:
        return Convolution(step, labels, shape, cost, slots, (1, 1))
    if groups == shape[1] == channels:
        return Depthwise(step, {**labels, inputs: (0, 1, *meet)}, shape, cost)
    return Grouped(step, {inputs: (0, None, *meet)}, shape, cost)
