"""How finely a dtype can tell numbers apart."""

from __future__ import annotations

import math

import torch


def ulp(value: float, dtype: torch.dtype) -> float:
    """Distance from a number to the next one that the dtype holds, away from zero.

    Arguments:
        value: any finite number.
        dtype: a floating-point type.

    >>> ulp(1.0, torch.float32) == 2**-23, ulp(-3.0, torch.bfloat16), ulp(0.0, torch.float16) == 2**-24
    (True, 0.015625, True)
    """
    limits = torch.finfo(dtype)
    spacing = math.ldexp(limits.eps, math.frexp(value)[1] - 1) if value else 0.0
    return max(spacing, limits.smallest_normal * limits.eps)


def rounding(size: float, dtype: torch.dtype) -> float:
    """By how much two ways to compute the same sum may differ: a thousand times the dtype's precision.

    Arguments:
        size: sum of the sizes of the summands.
        dtype: in which they were computed.

    >>> rounding(2.0, torch.float64) < 1e-12
    True
    """
    return 1000 * torch.finfo(dtype).eps * size
