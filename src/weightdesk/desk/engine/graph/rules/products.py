"""Attention and products of two tensors that both depend on weights."""

from __future__ import annotations

from math import prod

from weightdesk.desk.engine.graph.rules.elementwise import operation
from weightdesk.desk.engine.graph.rules.rule import Labels, Rule, Shapes, broadcast
from weightdesk.desk.engine.graph.step import Operand, Slot, Step


class Product(Rule):
    """An operation whose result is worth keeping."""

    costly = True


def make(step: Step, shapes: Shapes) -> Rule | None:
    """The rule of attention or a product; None for any other operation."""
    shape, name = shapes[step.slot], operation(step.function)
    if shape is None:
        return None
    if name == "scaled_dot_product_attention":
        labels = {slot: _leading(shapes[slot], shape) for slot in step.operands}
        keys = shapes[step.arguments[1].slot] or (1, 1)
        return Product(step, labels, shape, 2 * prod(shape) * keys[-2])
    if name in ("mm", "bmm", "matmul") and len(step.operands) == 2:
        left, right = (each.slot for each in step.arguments if isinstance(each, Operand))
        return _product(step, left, right, shapes)
    return None


def _leading(operand: tuple[int, ...] | None, shape: tuple[int, ...]) -> Labels:
    """Examples and heads, which attention treats apart; places of the sequence meet."""
    labels = broadcast(operand or (), shape)
    missing = len(shape) - len(labels)
    return tuple(label if missing + axis < len(shape) - 2 else None for axis, label in enumerate(labels))


def _product(step: Step, left: Slot, right: Slot, shapes: Shapes) -> Rule | None:
    shape, one, other = shapes[step.slot], shapes[left], shapes[right]
    if shape is None or one is None or other is None or min(len(one), len(other), len(shape)) < 2:
        return None
    last = len(shape) - 1
    labels = {
        left: (*broadcast(one[:-2], shape[:-2]), last - 1, None),
        right: (*broadcast(other[:-2], shape[:-2]), None, last),
    }
    return Product(step, labels, shape, prod(shape) * one[-1])
