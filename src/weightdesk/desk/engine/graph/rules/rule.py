"""How a change passes through an operation: the interface, and what most operations share.

An operation treats some axes of its operands place by place: channel 3 of a ReLU's result is that of its
operand, unit 3 of a linear layer's result reads row 3 of the weights. `labels` say for each axis of each
operand which axis of the result it goes along with; None where places meet (the inputs of a linear layer)
or all places of the result read the same (a broadcast axis). A change that lies in a box of such axes is
computed by running the operation itself on the parts of its operands in this box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from torch import Tensor

from weightdesk.desk.engine.graph.box import Box, Part, hull
from weightdesk.desk.engine.graph.step import Slot, Step

Labels: TypeAlias = tuple[int | None, ...]
"""For each axis of an operand the axis of the result that it goes along with."""


class Values(Protocol):
    """What a rule sees of a turn: values before it (those of the reference) and now."""

    @property
    def changes(self) -> Mapping[Slot, Part]:
        """The changed slots so far."""

    def before(self, slot: Slot, box: Box | None = None) -> Any:
        """The reference's value, or a part of it."""

    def now(self, slot: Slot, box: Box | None = None) -> Any:
        """The value in this turn, or a part of it."""

    def steady(self, slot: Slot) -> bool:
        """Whether the reference's value is kept, finite, and precise enough to add a difference to."""


class Rule:
    """Runs an operation, in full or on a box of its result.

    Attributes:
        step: the operation.
        labels: of its tensor operands; an operand without labels is always read whole.
        shape: of the result; empty where it is no tensor.
        cost: of running it in full, in multiplications or comparable work.
        costly: whether its result is worth keeping before all others.
    """

    costly = False

    def __init__(
        self, step: Step, labels: Mapping[Slot, Labels], shape: tuple[int, ...], cost: float = 0
    ) -> None:
        self.step, self.labels, self.shape, self.cost = step, labels, shape, cost
        self._inverse = {
            slot: tuple((axis, label) for axis, label in enumerate(each) if label is not None)
            for slot, each in labels.items()
        }

    def propagate(self, turn: Values) -> Part | None:
        """The change of the result, given those of the operands; None where it stays as it is."""
        box = self.changed_box(turn)
        return Part(box, self.compute(turn.now, box))

    def changed_box(self, turn: Values) -> Box:
        """The box of the result that the changes of the operands reach."""
        boxes = []
        for slot in self.step.operands:
            if slot in turn.changes:
                box = self.reached(slot, turn.changes[slot].box)
                if not box:
                    return {}
                boxes.append(box)
        return hull(boxes, self.shape)

    def reached(self, slot: Slot, box: Box) -> Box:
        """The box of the result that a box of an operand reaches."""
        return {label: box[axis] for axis, label in self._inverse.get(slot, ()) if axis in box}

    def read(self, slot: Slot, box: Box) -> Box:
        """The box of an operand that a box of the result reads."""
        return {axis: box[label] for axis, label in self._inverse.get(slot, ()) if label in box}

    def compute(self, value: Any, box: Box) -> Any:
        """The result in a box, with operands from `value(slot, box)`."""
        if not box:
            return self.step.run(value)
        return self.step.run(lambda slot: value(slot, self.read(slot, box)))

    def can_compute(self, box: Box) -> bool:
        """Whether the result in this box takes less than the whole."""
        return bool(box) and bool(self.labels)


Shapes: TypeAlias = Sequence[tuple[int, ...] | None]
"""Shape of each slot's value; None where it is no tensor."""


def broadcast(operand: tuple[int, ...], result: tuple[int, ...]) -> Labels:
    """Labels of an operand that is broadcast to a result.

    >>> broadcast((3, 1, 5), (2, 3, 4, 5))
    (1, None, 3)
    """
    missing = len(result) - len(operand)
    return tuple(
        missing + axis if size == result[missing + axis] and size > 1 else None
        for axis, size in enumerate(operand)
    )


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors of one shape are equal, ±0 and NaN told apart by their bits or not at all.

    >>> import torch
    >>> same_bits(torch.tensor([torch.nan]), torch.tensor([torch.nan]))
    True
    """
    return not bool(differing(one, other).any())


def differing(one: Tensor, other: Tensor) -> Tensor:
    """Where two tensors of one shape differ; NaN does not differ from NaN."""
    unequal = one != other
    if one.is_floating_point() and bool(unequal.any()):
        unequal &= ~(one.isnan() & other.isnan())
    return unequal
