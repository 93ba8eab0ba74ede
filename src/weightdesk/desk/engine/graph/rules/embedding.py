"""Tables of vectors, one for each token: a turned row reaches only the examples that look it up."""

from __future__ import annotations

from math import prod

import torch

from weightdesk.desk.engine.graph.box import Part, bounded
from weightdesk.desk.engine.graph.rules.elementwise import operation
from weightdesk.desk.engine.graph.rules.rule import Rule, Shapes, Values
from weightdesk.desk.engine.graph.step import Operand, Step


class Embedding(Rule):
    """See the module."""

    def propagate(self, turn: Values) -> Part | None:
        """See `Rule`."""
        table, tokens = (each.slot for each in self.step.arguments[:2])
        part = turn.changes.get(table)
        if part is None or tokens in turn.changes or 0 not in part.box:
            return super().propagate(turn)
        looked = torch.isin(turn.before(tokens), part.box[0])
        if not bool(looked.any()):
            return None
        axes = range(looked.ndim)
        box = {axis: _any(looked, axis).nonzero()[:, 0] for axis in axes}
        if 1 in part.box:
            box[looked.ndim] = part.box[1]
        box = bounded(box, self.shape)
        return Part(box, self.compute(turn.now, box))


def _any(looked: torch.Tensor, axis: int) -> torch.Tensor:
    others = [each for each in range(looked.ndim) if each != axis]
    return looked.any(dim=others) if others else looked


def make(step: Step, shapes: Shapes) -> Rule | None:
    """The rule of a table of vectors; None for any other operation."""
    shape = shapes[step.slot]
    if operation(step.function) != "embedding" or shape is None or len(step.operands) != 2:
        return None
    table, tokens = (each.slot for each in step.arguments[:2] if isinstance(each, Operand))
    last = len(shape) - 1
    return Embedding(step, {table: (None, last), tokens: tuple(range(last))}, shape, 4 * prod(shape))
