"""Exact where it can matter, within the time given: the largest estimates first.

Every fourth block is drawn at random from those left. These tell how far off estimates are, whatever
their size, and so what may be expected of the weights that there was no time for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from weightdesk.explain.importance.engine import Engine

_RANDOM_EVERY: Final = 4
_MARGIN: Final = 2.0  # the largest of a sample is less than the largest of all


@dataclass(frozen=True, eq=False)
class Computed:
    """Exact changes of the loss, as far as the time went.

    Attributes:
        values: one a group; the estimate where there was no time.
        exact: whether it is exact.
        bound: twice the largest |exact − estimate| among the blocks drawn at random, itself an estimate;
            nan where none is left to bound, or none was drawn.
        drawn: how many blocks these are.
    """

    values: Tensor
    exact: Tensor
    bound: float
    drawn: int


def compute(engine: Engine, estimates: Tensor, seconds: float | None, seed: int = 0) -> Computed:
    """Carry out ablations, those with the largest estimates first.

    Arguments:
        engine: computes them.
        estimates: (groups,) of the change of the loss.
        seconds: when to stop; the block that is under way is finished. None for all.
        seed: of the draws.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    inside = torch.cat(engine.blocks) if engine.blocks else torch.empty(0, dtype=torch.long)
    exact = torch.ones(len(estimates), dtype=torch.bool)
    exact[inside] = False  # the others hold no weight
    values = estimates.where(~exact, torch.zeros_like(estimates))
    drawn: list[Tensor] = []
    for block, random in _schedule(engine.blocks, estimates, seed):
        if deadline is not None and time.monotonic() >= deadline:
            break
        values[block] = engine.changes(block)
        exact[block] = True
        drawn += [block] if random else []
    sample = torch.cat(drawn) if drawn else torch.empty(0, dtype=torch.long)
    if exact.all() or not len(sample):
        return Computed(values, exact, torch.nan, len(drawn))
    return Computed(values, exact, _MARGIN * float((values - estimates)[sample].abs().max()), len(drawn))


def _schedule(blocks: list[Tensor], estimates: Tensor, seed: int) -> list[tuple[Tensor, bool]]:
    """The blocks in the order of computing, and whether each was drawn at random."""
    ranked = sorted(range(len(blocks)), key=lambda i: -float(estimates[blocks[i]].abs().max()))
    shuffled = torch.randperm(len(blocks), generator=torch.Generator().manual_seed(seed)).tolist()
    order: dict[int, bool] = {}
    sources = iter(ranked), iter(shuffled)
    while len(order) < len(blocks):
        random = len(order) % _RANDOM_EVERY == 0
        chosen = next(each for each in sources[random] if each not in order)
        order[chosen] = random
    return [(blocks[i], random) for i, random in order.items()]
