"""Where the examples lie in each result, so that results of some can be put together from those of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Int64
from torch import Tensor

from weightdesk.desk.engine.comparison import agree
from weightdesk.desk.engine.graph.step import Slot

if TYPE_CHECKING:
    from weightdesk.desk.engine.graph.incremental import GraphEngine


@dataclass(frozen=True, eq=False)
class Fold:
    """Where the examples lie in a result.

    Attributes:
        axis: on which axis.
        width: how many places an example has there, side by side.
    """

    axis: int
    width: int

    def places(self, rows: Int64[Tensor, " rows"]) -> Int64[Tensor, " places"]:
        """The places of some examples.

        >>> Fold(0, 2).places(torch.tensor([3, 0]))
        tensor([6, 7, 0, 1])
        """
        return (rows[:, None] * self.width + torch.arange(self.width)).flatten()


def folds(engine: GraphEngine) -> dict[Slot, Fold]:
    """Where examples lie in each result, found out with two examples and with a third row beside them.

    Raises:
        ArithmeticError: a result of three rows is not made of those of the two examples.
    """
    two, again = torch.tensor([0, min(1, engine.count - 1)]), torch.tensor([0, 1, 0])
    (plan, ours), (_, theirs) = (engine.results(each, engine.original) for each in (two, two[again]))
    read = {slot for rule in plan.rules for slot in (rule.step.slot, *rule.step.operands)}
    found = {slot: _fold(ours[slot], theirs[slot], again) for slot in read - plan.constants.keys()}
    return {slot: fold for slot, fold in found.items() if fold is not None}


def _fold(two: Any, three: Any, again: Tensor) -> Fold | None:
    """Where the examples lie in a result; None where it is the same for all."""
    fold, expected = None, two
    if isinstance(two, Tensor) and isinstance(three, Tensor) and two.ndim == three.ndim:
        axes = [axis for axis in range(two.ndim) if two.shape[axis] != three.shape[axis]]
        if axes:
            fold = Fold(axes[0], two.shape[axes[0]] // 2)
            expected = two.index_select(fold.axis, fold.places(again))
    if not agree([three], [expected]):
        raise ArithmeticError("the examples cannot be told apart in all results")
    return fold
