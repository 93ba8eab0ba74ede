"""A matrix at ever coarser levels, so that any part of it can be drawn in the time of a screenful."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Pyramid:
    """A matrix and its levels: each number of a level stands for 2 × 2 of the level below.

    What stands for several numbers is the one farthest from 0, with its sign: a single large weight among
    millions stays in sight, where a mean would hide it. NaN wins over all.

    Attributes:
        levels: level 0 is the matrix itself, the last one a single number.
    """

    levels: tuple[Float[Tensor, "rows columns"], ...]

    @classmethod
    def of(cls, matrix: Float[Tensor, "rows columns"]) -> Pyramid:
        """Compute all levels, in about the time of three passes over the matrix.

        >>> [each.tolist() for each in Pyramid.of(torch.tensor([[1.0, -3.0, 0.5]])).levels]
        [[[1.0, -3.0, 0.5]], [[-3.0, 0.5]], [[-3.0]]]
        """
        levels, low, high = [matrix], matrix, matrix
        while max(low.shape, default=0) > 1:
            low, high = _halved(low, torch.minimum), _halved(high, torch.maximum)
            levels.append(torch.where((high >= -low) | high.isnan(), high, low))
        return cls(tuple(levels))

    def tile(self, level: int, row: int, column: int, side: int) -> Float[Tensor, "height width"]:
        """A square of a level, the one of so many from the top and the left; smaller at the edges.

        >>> Pyramid.of(torch.arange(12.0).view(3, 4)).tile(0, 1, 1, 2)
        tensor([[10., 11.]])
        """
        return self.levels[level][row * side : (row + 1) * side, column * side : (column + 1) * side]


def _halved(level: Tensor, chosen: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    for axis in (0, 1):  # rows first: these are contiguous, and halve the work of the columns
        size = level.shape[axis]
        if size > 1:
            before = (slice(None),) * axis
            both = chosen(*(level[(*before, slice(each, size - size % 2, 2))] for each in (0, 1)))
            level = torch.cat([both, level.narrow(axis, size - 1, 1)], axis) if size % 2 else both
    return level
