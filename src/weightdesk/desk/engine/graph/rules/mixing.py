"""Layers that are linear in their inputs and in their weights: what changes is added to what was there.

With inputs x, weights w and few changed channels c, w·x moves by w[:, c]·(x'[c] − x[c]); with few changed
weights of a unit it moves by (w' − w)·x. Differences always start from the reference, which was computed
in full, so that rounding does not add up over turns. They are only added where both are finite, and
never in half precision, in which the sum would round differently from a run in full.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from weightdesk.desk.engine.comparison import largest
from weightdesk.desk.engine.graph.box import Box, Part, hull, put, take
from weightdesk.desk.engine.graph.rules.rule import Labels, Rule, Shapes, Values
from weightdesk.desk.engine.graph.step import Operand, Slot, Step

_EXACT: Final = (torch.float32, torch.float64)
_FEWEST_EXAMPLES: Final = 8
_SPARSE: Final = 0.7


class Mixing(Rule):
    """A linear layer or a convolution.

    Attributes:
        inputs: slot of what it mixes.
        weight: slot of the weights, (units, channels, ...).
        bias: slot of the bias; None without one.
        meeting: axis of the inputs on which channels lie.
        units: axis of the result on which units lie.
    """

    costly = True

    def __init__(
        self,
        step: Step,
        labels: dict[Slot, Labels],
        shape: tuple[int, ...],
        cost: float,
        slots: tuple[Slot, Slot, Slot | None],
        axes: tuple[int, int],
    ) -> None:
        super().__init__(step, labels, shape, cost)
        self.inputs, self.weight, self.bias = slots
        self._own = tuple(slot for slot in slots[1:] if slot is not None)
        self.meeting, self.units = axes

    def multiply(self, inputs: Tensor, weight: Tensor) -> Tensor:
        """The layer without its bias."""
        raise NotImplementedError

    def propagate(self, turn: Values) -> Part | None:
        """See `Rule`."""
        part = turn.changes.get(self.inputs)
        if part is None:
            return self._few_weights(turn) or super().propagate(turn)
        if self.meeting not in part.box:
            return super().propagate(turn)
        return self._few_channels(turn, self._followed(turn, part))

    def _followed(self, turn: Values, part: Part) -> Part:
        """The change in a box of axes along which the layer goes; places of a picture meet in it."""
        labels = self.labels[self.inputs]
        box = {
            axis: each for axis, each in part.box.items() if axis == self.meeting or labels[axis] is not None
        }
        return part if len(box) == len(part.box) else Part(box, turn.now(self.inputs, box))

    def _few_channels(self, turn: Values, part: Part) -> Part | None:
        rest = {axis: each for axis, each in part.box.items() if axis != self.meeting}
        own = [turn.changes[slot].box for slot in self._own if slot in turn.changes]
        if own and rest:
            return super().propagate(turn)
        moved = part.values - turn.before(self.inputs, part.box)
        size = largest(moved)
        if size == 0.0:
            return self._units_anew(turn) if own else None
        if not own:
            moved, rest = self._examples(moved, rest)
        box = self.reached(self.inputs, rest)
        weight = take(turn.before(self.weight), {1: part.box[self.meeting]})
        if not math.isfinite(size) or not self._adds(turn, weight):
            return Part(box, self.compute(turn.now, box))
        values = self.multiply(moved, weight).add_(turn.before(self.step.slot, box))
        return self._with_units(turn, Part(box, values), own) if own else Part(box, values)

    def _adds(self, turn: Values, weight: Tensor) -> bool:
        """Whether differences may be added to the reference's result."""
        exact = weight.dtype in _EXACT and turn.steady(self.step.slot)
        return exact and bool(torch.isfinite(weight).all())

    def _with_units(self, turn: Values, part: Part, own: list[Box]) -> Part:
        """Compute the units whose own weights changed as well."""
        units = hull([{0: each[0]} if 0 in each else {} for each in own], (self.shape[self.units],))
        if not units:
            return Part(part.box, self.compute(turn.now, part.box))
        anew = {self.units: units[0]}
        put(part.values, anew, self.compute(turn.now, anew))
        return part

    def _examples(self, moved: Tensor, rest: Box) -> tuple[Tensor, Box]:
        """Leave out the examples that did not move, such as those in which a ReLU is off before and after."""
        if self.labels[self.inputs][0] is None or len(moved) < _FEWEST_EXAMPLES:
            return moved, rest
        active = (moved.flatten(1) if moved.ndim > 1 else moved[:, None]).any(1)
        places = active.nonzero()[:, 0]
        if len(places) > _SPARSE * len(moved):
            return moved, rest
        return moved.index_select(0, places), {**rest, 0: rest[0][places] if 0 in rest else places}

    def _units_anew(self, turn: Values) -> Part:
        """Only what the layer's own weights change, where its inputs come out as they were."""
        changed = (slot for slot in self._own if slot in turn.changes)
        box = hull([self.reached(slot, turn.changes[slot].box) for slot in changed], self.shape)
        return Part(box, self.compute(turn.now, box))

    def _few_weights(self, turn: Values) -> Part | None:
        """A few weights of a few units: only the channels that they read."""
        part = turn.changes.get(self.weight)
        if part is None or self.bias in turn.changes or not {0, 1} <= part.box.keys():
            return None
        box = {0: part.box[0], 1: part.box[1]}
        moved = turn.now(self.weight, box) - turn.before(self.weight, box)
        if not self._adds(turn, moved):
            return None
        inputs = turn.before(self.inputs, {self.meeting: box[1]})
        result = {self.units: box[0]}
        return Part(result, self.multiply(inputs, moved).add_(turn.before(self.step.slot, result)))


def layer_slots(step: Step, shapes: Shapes) -> tuple[Slot, Slot, Slot | None] | None:
    """Inputs, weights and bias of a layer; None where one of them is no value or stands for two."""
    inputs, weight, bias = (
        each.slot if isinstance(each, Operand) else None for each in (*step.arguments, None, None)[:3]
    )
    if inputs is None or weight is None or len({inputs, weight, bias}) < 3:
        return None
    return (inputs, weight, bias) if shapes[inputs] and shapes[weight] else None
