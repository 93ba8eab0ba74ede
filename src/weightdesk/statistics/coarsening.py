"""A matrix in fewer numbers, so that any part of it can be drawn in the time of a screenful."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

_TOGETHER: Final = 1 << 20  # numbers that are read twice, and stay in the processor's cache meanwhile

Numbers = np.ndarray[Any, np.dtype[np.float32]]


def coarsened(matrix: Float[Tensor, "rows columns"], height: int, width: int) -> Float[Tensor, "less fewer"]:
    """Of each block of a matrix the number farthest from 0, with its sign.

    A single large weight among millions stays in sight, where a mean would hide it. Of two equally far
    the positive one is taken, and NaN wins over all. Blocks at the lower and right edge may be smaller.

    Arguments:
        matrix: float32, with a row and a column at least.
        height: rows of a block.
        width: columns of a block.

    >>> coarsened(torch.tensor([[1.0, -3.0, 0.5], [0.0, 2.0, -0.5]]), 2, 2)
    tensor([[-3.0000,  0.5000]])
    """
    if height == width == 1:
        return matrix
    values = matrix.numpy()
    rows = max(1, _TOGETHER // (height * values.shape[1])) * height
    parts = [values[start : start + rows] for start in range(0, len(values), rows)]
    return torch.from_numpy(np.concatenate([_farthest(part, height, width) for part in parts]))


def largest(matrix: Float[Tensor, "rows columns"]) -> float:
    """How far a finite number of the matrix is from 0 at most; 0 where it has none.

    >>> largest(torch.tensor([[1.0, -3.0, torch.inf]]))
    3.0
    """
    if not matrix.numel():
        return 0.0
    found = float(coarsened(matrix, *matrix.shape).abs().item())
    return found if np.isfinite(found) else float(matrix.nan_to_num(0, 0, 0).abs().max())


def _farthest(values: Numbers, height: int, width: int) -> Numbers:
    low, high = (
        _reduced(_reduced(values, height, 0, chosen), width, 1, chosen) for chosen in (np.minimum, np.maximum)
    )
    return np.where((high >= -low) | np.isnan(high), high, low)


def _reduced(values: Numbers, size: int, axis: int, chosen: np.ufunc) -> Numbers:
    """One number for each so many along an axis, and one for what is left over."""
    full = values.shape[axis] // size * size
    whole, rest = np.split(values, [full], axis)
    shape = (*values.shape[:axis], full // size, size, *values.shape[axis + 1 :])
    reduced = [chosen.reduce(whole.reshape(shape), axis=axis + 1)]
    if rest.size:
        reduced.append(chosen.reduce(rest, axis=axis, keepdims=True))
    return np.concatenate(reduced, axis)
