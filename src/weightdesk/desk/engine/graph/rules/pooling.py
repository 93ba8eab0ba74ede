"""Pooling, padding, resizing and reductions: places meet on some axes, channels and examples do not."""

from __future__ import annotations

import re
from math import prod
from typing import Final

from weightdesk.desk.engine.graph.rules.elementwise import operation
from weightdesk.desk.engine.graph.rules.rule import Rule, Shapes
from weightdesk.desk.engine.graph.step import Operand, Step

_WINDOWS: Final = re.compile(r"(?:adaptive_)?(?:max|avg)_pool(\d)d(?:_with_indices)?|upsample_\w+?(\d)d")
_REDUCTIONS: Final = frozenset({
    "mean", "sum", "amax", "amin", "var", "std", "logsumexp", "prod", "argmax", "argmin", "any", "all",
    "cumsum", "cumprod", "flip", "sort",
})  # fmt: skip


def make(step: Step, shapes: Shapes) -> Rule | None:
    """The rule of an operation that joins places of some axes; None for any other."""
    name = operation(step.function)
    if not step.arguments or not isinstance(step.arguments[0], Operand) or len(step.operands) != 1:
        return None
    operand, shape = shapes[step.arguments[0].slot], shapes[step.slot]
    if operand is None or shape is None:
        return None
    cost = 4 * prod(operand)
    if match := _WINDOWS.fullmatch(name):
        apart = len(operand) - int(match[1] or match[2])
        return Rule(step, {step.operands[0]: _first(apart, len(operand))}, shape, cost)
    if name in ("constant_pad_nd", "pad"):
        apart = len(operand) - len(step.argument(1, "pad")) // 2
        return Rule(step, {step.operands[0]: _first(apart, len(operand))}, shape, cost)
    if name in _REDUCTIONS:
        return _reduction(step, operand, shape, cost)
    return None


def _first(count: int, axes: int) -> tuple[int | None, ...]:
    return tuple(axis if axis < count else None for axis in range(axes))


def _reduction(step: Step, operand: tuple[int, ...], shape: tuple[int, ...], cost: float) -> Rule | None:
    named = step.argument(1, "dim")
    if named is None or isinstance(named, Operand):
        return None
    joined = {axis % len(operand) for axis in (named if isinstance(named, list) else [named])}
    kept = [axis for axis in range(len(operand)) if axis not in joined]
    if not joined:
        return None
    same = len(shape) == len(operand)
    labels = {axis: axis if same else place for place, axis in enumerate(kept)}
    return Rule(
        step, {step.operands[0]: tuple(labels.get(axis) for axis in range(len(operand)))}, shape, cost
    )
