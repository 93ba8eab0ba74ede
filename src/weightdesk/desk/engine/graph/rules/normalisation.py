"""Normalisations and softmax: places meet on the axes over which they take a mean or a sum."""

from __future__ import annotations

from math import prod

import torch

from weightdesk.desk.engine.graph.box import Box, take
from weightdesk.desk.engine.graph.rules.elementwise import operation
from weightdesk.desk.engine.graph.rules.rule import Labels, Rule, Shapes
from weightdesk.desk.engine.graph.step import Operand, Slot, Step


def make(step: Step, shapes: Shapes) -> Rule | None:
    """The rule of a normalisation; None for any other operation."""
    shape, name = shapes[step.slot], operation(step.function)
    if shape is None or not step.arguments or not isinstance(step.arguments[0], Operand):
        return None
    inputs = step.arguments[0].slot
    axes = list(range(len(shape)))
    if name in ("_native_batch_norm_legit_no_training", "batch_norm", "cudnn_batch_norm"):
        if name == "batch_norm" and step.argument(5, "training"):
            return None
        kept: Labels = (0, 1, *axes[2:])
        return Rule(step, _with_vectors(step, inputs, kept, (1,)), shape, 6 * prod(shape))
    if name in ("layer_norm", "rms_norm"):
        normalised = len(step.argument(1, "normalized_shape"))
        axis = len(shape) - normalised
        labels = _with_vectors(step, inputs, (*axes[:axis], *[None] * normalised), (*axes[axis:],))
        return Affine(step, labels, shape, 10 * prod(shape))
    if name == "group_norm":
        return Rule(step, {inputs: (0, *[None] * (len(shape) - 1))}, shape, 10 * prod(shape))
    if name == "_weight_norm":
        unit = step.argument(2, "dim", 0) % len(shape)
        along = tuple(axis if axis == unit else None for axis in axes)
        return Rule(step, dict.fromkeys(step.operands, along), shape, 4 * prod(shape))
    if name in ("softmax", "_softmax", "log_softmax", "_log_softmax"):
        meeting = step.argument(1, "dim") % len(shape)
        return Rule(
            step, {inputs: tuple(None if axis == meeting else axis for axis in axes)}, shape, 20 * prod(shape)
        )
    return None


def _with_vectors(step: Step, inputs: Slot, labels: Labels, vector: Labels) -> dict[Slot, Labels]:
    return {slot: labels if slot == inputs else vector for slot in step.operands}


class Affine(Rule):
    """A normalisation whose weights differ by place on an axis over which it takes a mean.

    Turned weights change their own places only. The operation cannot run on a part of this axis, so that it
    runs whole and the part is taken from the result.
    """

    def compute(self, value: object, box: Box) -> torch.Tensor:
        """See `Rule`."""
        inputs = self.labels[self.step.arguments[0].slot]
        apart = {axis: places for axis, places in box.items() if axis in inputs}
        result: torch.Tensor = super().compute(value, apart)
        return take(result, {axis: places for axis, places in box.items() if axis not in apart})
