"""The rule of any operation."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Final

from weightdesk.desk.engine.graph.rules import (
    convolution,
    elementwise,
    embedding,
    linear,
    normalisation,
    pooling,
    products,
    views,
)
from weightdesk.desk.engine.graph.rules.rule import Rule, Shapes
from weightdesk.desk.engine.graph.step import Step

_MAKERS: Final[tuple[Callable[[Step, Shapes], Rule | None], ...]] = (
    linear.make,
    convolution.make,
    embedding.make,
    normalisation.make,
    pooling.make,
    products.make,
    views.make,
    elementwise.make,
)


def rule_of(step: Step, shapes: Shapes) -> Rule:
    """The rule of an operation; one that no family knows runs in full."""
    for make in _MAKERS:
        rule = make(step, shapes)
        if rule is not None:
            return rule
    largest = max(prod(shapes[slot] or ()) for slot in (*step.operands, step.slot))
    return Rule(step, {}, shapes[step.slot] or (), 8 * largest)
