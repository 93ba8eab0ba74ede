"""Whether two ways to run a model give the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor

_TOLERANCE: Final = {torch.float64: 1e-10, torch.float32: 1e-5, torch.float16: 1e-2, torch.bfloat16: 5e-2}


def agree(found: Sequence[Any], expected: Sequence[Any]) -> bool:
    """Whether leaves of outputs are the same but for rounding, relative to the largest value of each.

    >>> agree([torch.ones(2), None], [torch.ones(2) + 1e-7, None]), agree([torch.ones(2)], [torch.zeros(2)])
    (True, False)
    """
    return len(found) == len(expected) and all(map(_alike, found, expected))


def moved(values: Tensor) -> Tensor:
    """Other weights of the same size.

    >>> moved(torch.tensor([1.0, 2.0]))
    tensor([1.8000, 0.9000])
    """
    return 0.9 * values.flip(0) if values.ndim and values.is_floating_point() else values


def largest(values: Tensor) -> float:
    """The largest size among real numbers; NaN and infinity show in it.

    >>> largest(torch.tensor([1.0, -3.0])), largest(torch.tensor([1.0, torch.nan]))
    (3.0, nan)
    """
    if not values.numel():
        return 0.0
    # In the order of memory: of any other, torch makes a copy.
    laid = values.movedim(1, -1) if values.ndim == 4 and not values.is_contiguous() else values
    return max(abs(each.item()) for each in torch.aminmax(laid.detach()))


def _alike(found: Any, expected: Any) -> bool:
    if not isinstance(expected, Tensor) or not isinstance(found, Tensor):
        return type(found) is type(expected) and bool(found == expected)
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return False
    if not expected.is_floating_point():
        return torch.equal(found, expected)
    near = _TOLERANCE.get(expected.dtype, 1e-2)
    size = largest(expected)
    if math.isfinite(size):  # in few passes: masks take far longer than the comparison
        return largest(found - expected) <= near * size
    finite = expected.isfinite()
    if not torch.equal(finite, found.isfinite()):
        return False
    return largest((found - expected)[finite]) <= near * largest(expected[finite])
