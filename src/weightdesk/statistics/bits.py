"""Whether tensors are the same, bit for bit."""

from __future__ import annotations

import torch
from torch import Tensor


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors of one shape are the same bytes: NaN equals itself, and −0 is not 0.

    >>> same_bits(torch.tensor([0.0]), torch.tensor([-0.0]))
    False
    """
    return one.dtype == other.dtype and torch.equal(
        *(each.contiguous().flatten().view(torch.uint8) for each in (one, other))
    )
