"""Linear layers."""

from __future__ import annotations

from math import prod

from torch import Tensor
from torch.nn import functional

from weightdesk.desk.engine.graph.rules.elementwise import operation
from weightdesk.desk.engine.graph.rules.mixing import Mixing, layer_slots
from weightdesk.desk.engine.graph.rules.rule import Labels, Rule, Shapes
from weightdesk.desk.engine.graph.step import Slot, Step


class Linear(Mixing):
    """See `Mixing`."""

    def multiply(self, inputs: Tensor, weight: Tensor) -> Tensor:
        """See `Mixing`."""
        return functional.linear(inputs, weight)


def make(step: Step, shapes: Shapes) -> Rule | None:
    """The rule of a linear layer; None for any other operation."""
    shape = shapes[step.slot]
    slots = layer_slots(step, shapes) if operation(step.function) == "linear" else None
    if not shape or slots is None:
        return None
    inputs, weight, bias = slots
    rows = shapes[weight] or ()
    if len(rows) != 2:
        return None
    last = len(shape) - 1
    labels: dict[Slot, Labels] = {inputs: (*range(last), None), weight: (last, None)}
    if bias is not None:
        labels[bias] = (last,)
    return Linear(step, labels, shape, prod(shape) * rows[1], slots, (last, last))
