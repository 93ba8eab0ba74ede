"""Operations that rearrange places: views, transpositions, slices, joined and divided tensors."""

from __future__ import annotations

from math import prod
from typing import Any, Final, TypeAlias

import torch

from weightdesk.desk.engine.graph.box import Box, Part, hull, same, take
from weightdesk.desk.engine.graph.rules.elementwise import operation
from weightdesk.desk.engine.graph.rules.rule import Labels, Rule, Shapes, Values
from weightdesk.desk.engine.graph.step import Operand, Slot, Step

Groups: TypeAlias = tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
"""Axes before and after that hold the same places."""

_RESHAPES: Final = frozenset(
    {"view", "_unsafe_view", "reshape", "flatten", "unflatten", "view_as", "reshape_as"}
)
_MOVES: Final = frozenset({"permute", "transpose", "t", "unsqueeze", "squeeze", "movedim", "swapaxes", "mT"})


def make(step: Step, shapes: Shapes) -> Rule | None:
    """The rule of an operation that rearranges places; None for any other."""
    name, shape = operation(step.function), shapes[step.slot]
    if shape is None or not step.arguments:
        return None
    if name == "cat":
        return Joined(step, shapes)
    if len(step.operands) != 1 or not isinstance(step.arguments[0], Operand):
        return None
    operand = shapes[step.operands[0]]
    if operand is None:
        return None
    if name in _RESHAPES and 0 not in operand:
        return Reshape(step, operand, shape)
    if (name in _MOVES and name != "squeeze") or (name == "squeeze" and len(step.arguments) > 1):
        return Rule(step, {step.operands[0]: _moved(step, operand)}, shape)
    if name == "expand":
        return Expanded(step, operand, shape)
    if name in ("slice", "narrow", "select"):
        return Cut(step, operand, shape)
    return None


def _moved(step: Step, operand: tuple[int, ...]) -> Labels:
    """Where each axis goes, seen on a tensor of the operand's shape without memory of its own."""
    distinct = torch.empty(1).as_strided(
        [3 + axis if size > 1 else 1 for axis, size in enumerate(operand)], [0] * len(operand)
    )
    moved = step.function(distinct, *step.arguments[1:], **step.keywords).shape
    places = {size: axis for axis, size in enumerate(moved) if size > 1}
    return tuple(places[3 + axis] if size > 1 else None for axis, size in enumerate(operand))


def _only(step: Step) -> Slot:
    return step.operands[0]


class Reshape(Rule):
    """The same places in row-major order under another shape."""

    def __init__(self, step: Step, operand: tuple[int, ...], shape: tuple[int, ...]) -> None:
        self._operand, self._groups = operand, grouped(operand, shape)
        straight = {before[0]: after[0] for before, after in self._groups if len(before) == len(after) == 1}
        labels = tuple(straight.get(axis) for axis in range(len(operand)))
        super().__init__(step, {_only(step): labels}, shape)

    def propagate(self, turn: Values) -> Part | None:
        """See `Rule`: a box goes along where the new axes can express it; else it grows until they can."""
        slot = _only(self.step)
        part = turn.changes[slot]
        read: Box = {}
        box: Box = {}
        for before, after in self._groups:
            inside = {axis: part.box[axis] for axis in before if axis in part.box}
            if inside:
                grown = _regrouped(inside, before, after, self._operand, self.shape)
                read.update(grown[0])
                box.update(grown[1])
        values = part.values if same(read, part.box) else turn.now(slot, read)
        return Part(box, values.reshape(self._lengths(box)))

    def compute(self, value: Any, box: Box) -> Any:
        """See `Rule`; what is not side by side in memory is copied."""
        return value(_only(self.step), self.read(_only(self.step), box)).reshape(self._lengths(box))

    def _lengths(self, box: Box) -> list[int]:
        return [len(box[axis]) if axis in box else size for axis, size in enumerate(self.shape)]


def grouped(one: tuple[int, ...], other: tuple[int, ...]) -> Groups:
    """Which axes of two shapes of the same places belong together.

    >>> grouped((5, 6, 4), (5, 2, 3, 4))
    (((0,), (0,)), ((1,), (1, 2)), ((2,), (3,)))
    """
    groups, i, j = [], 0, 0
    while i < len(one) and j < len(other):
        first, second = i, j
        sizes = [one[i], other[j]]
        i, j = i + 1, j + 1
        while sizes[0] != sizes[1]:
            if sizes[0] < sizes[1]:
                sizes[0] *= one[i]
                i += 1
            else:
                sizes[1] *= other[j]
                j += 1
        groups.append((tuple(range(first, i)), tuple(range(second, j))))
    if i < len(one) or j < len(other):  # axes of length 1 are left
        groups.append((tuple(range(i, len(one))), tuple(range(j, len(other)))))
    return tuple(groups)


def _regrouped(
    inside: Box, before: tuple[int, ...], after: tuple[int, ...], operand: Any, shape: Any
) -> tuple[Box, Box]:
    """What to read, and where it lies afterwards."""
    if len(before) == len(after) == 1:
        return inside, {after[0]: inside[before[0]]}
    sizes = [operand[axis] for axis in before]
    places = take(
        torch.arange(prod(sizes)).view(sizes), {before.index(axis): each for axis, each in inside.items()}
    )
    news = [shape[axis] for axis in after]
    along = [torch.unique(each) for each in torch.unravel_index(places.flatten(), news)] if after else []
    box = {axis: each for axis, each, size in zip(after, along, news, strict=True) if len(each) < size}
    if prod(len(each) for each in along) == places.numel():
        return inside, box
    if len(before) > 1:
        return {}, {}
    whole = torch.arange(prod(news)).view(news)
    grown = take(whole, {after.index(axis): each for axis, each in box.items()}).flatten()
    return ({before[0]: grown}, box) if len(grown) < sizes[0] else ({}, {})


class Expanded(Rule):
    """A tensor repeated along new axes, or along axes of length 1."""

    def __init__(self, step: Step, operand: tuple[int, ...], shape: tuple[int, ...]) -> None:
        missing = len(shape) - len(operand)
        labels = tuple(
            missing + axis if size == shape[missing + axis] and size > 1 else None
            for axis, size in enumerate(operand)
        )
        super().__init__(step, {_only(step): labels}, shape)

    def compute(self, value: Any, box: Box) -> Any:
        """See `Rule`."""
        lengths = [len(box[axis]) if axis in box else size for axis, size in enumerate(self.shape)]
        return value(_only(self.step), self.read(_only(self.step), box)).expand(lengths)


class Cut(Rule):
    """Some places of one axis: a slice, or a single one whose axis goes away."""

    def __init__(self, step: Step, operand: tuple[int, ...], shape: tuple[int, ...]) -> None:
        self._axis = step.argument(1, "dim", 0) % len(operand)
        self._gone = len(shape) < len(operand)
        every = torch.arange(operand[self._axis])
        self._places = step.function(
            every, 0, *step.arguments[2:], **{k: v for k, v in step.keywords.items() if k != "dim"}
        ).reshape(-1)
        labels = tuple(
            None if axis == self._axis else axis - (self._gone and axis > self._axis)
            for axis in range(len(operand))
        )
        super().__init__(step, {_only(step): labels}, shape)

    def propagate(self, turn: Values) -> Part | None:
        """See `Rule`: a change outside of the cut does not reach the result."""
        part = turn.changes[_only(self.step)]
        changed = part.box.get(self._axis)
        if changed is None:
            return super().propagate(turn)
        left = torch.isin(self._places, changed).nonzero()[:, 0]
        if not len(left):
            return None
        found = torch.searchsorted(changed, self._places[left])
        values = part.values.index_select(self._axis, found)
        box = self.reached(
            _only(self.step), {axis: each for axis, each in part.box.items() if axis != self._axis}
        )
        if self._gone:
            return Part(box, values.squeeze(self._axis))
        return Part({**box, self._axis: left} if len(left) < len(self._places) else box, values)


class Joined(Rule):
    """Tensors one after the other on one axis."""

    def __init__(self, step: Step, shapes: Shapes) -> None:
        self._slots = [each.slot for each in step.arguments[0]]
        shape = shapes[step.slot]
        assert shape is not None
        self._axis = step.argument(1, "dim", 0) % len(shape)
        # An empty tensor of one axis joins any other and adds nothing.
        whole = {
            slot: each for slot in self._slots if (each := shapes[slot] or ()) and len(each) == len(shape)
        }
        sizes = [whole[slot][self._axis] if slot in whole else 0 for slot in self._slots]
        self._ranges = torch.split(torch.arange(sum(sizes)), sizes)
        labels = tuple(None if axis == self._axis else axis for axis in range(len(shape)))
        super().__init__(step, dict.fromkeys(whole, labels), shape)

    def propagate(self, turn: Values) -> Part | None:
        """See `Rule`: the pieces that changed, at their new places."""
        pieces = [
            (slot, turn.changes[slot].box, places)
            for slot, places in zip(self._slots, self._ranges, strict=True)
            if slot in turn.changes
        ]
        boxes = [
            {**box, self._axis: places[box[self._axis]] if self._axis in box else places}
            for _, box, places in pieces
        ]
        box = hull(boxes, self.shape)
        if self._axis not in box:
            return Part(box, self.compute(turn.now, box))
        rest = {axis: each for axis, each in box.items() if axis != self._axis}
        values = [turn.now(slot, _along(rest, self._axis, old)) for slot, old, _ in pieces]
        return Part(box, torch.cat(values, self._axis))


def _along(rest: Box, axis: int, box: Box) -> Box:
    return {**rest, axis: box[axis]} if axis in box else rest


def piece(step: Step, shape: tuple[int, ...], number: int) -> tuple[Any, tuple[Any, ...]] | None:
    """The function and further arguments that take one piece of what an operation divides.

    None where the operation does not divide a tensor.

    >>> from weightdesk.desk.engine.graph.step import make_step
    >>> whole = make_step(1, torch.ops.aten.split.Tensor, (Operand(0), 4, -1), {})
    >>> piece(whole, (2, 8), 1)
    (<OpOverload(op='aten.slice', overload='Tensor')>, (1, 4, 8))
    """
    name = operation(step.function)
    if name == "unbind":
        return torch.ops.aten.select.int, (step.argument(1, "dim", 0) % len(shape), number)
    if name not in ("split", "split_with_sizes", "chunk"):
        return None
    axis = step.argument(2, "dim", 0) % len(shape)
    places = step.function(torch.arange(shape[axis]), step.arguments[1], 0)[number]
    return torch.ops.aten.slice.Tensor, (axis, int(places[0]), int(places[-1]) + 1)
