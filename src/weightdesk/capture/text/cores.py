"""The words of a window that carry a unit's activation."""

from __future__ import annotations

import math
from typing import Final

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

CARRIED: Final = 0.9
"""This share of the activation the words of a core make alone, the others' vectors being zero."""


def cores(
    terms: Float[Tensor, "windows words"], bias: float, spoken: Bool[Tensor, "windows words"]
) -> Int64[Tensor, "windows ends"]:
    """Find the shortest run of words that carries the weighted sum of each window.

    Arguments:
        terms: what each word adds to the weighted sum, filter × embedded word.
        bias: what the unit adds to it.
        spoken: where there is a word; a core neither begins nor ends elsewhere.

    Returns:
        Where each core starts, and where it has stopped. Of several of one length it is that which
        adds most; all words, where fewer do not carry the sum.

    >>> terms, bias = torch.tensor([[0.1, 2.0, 3.0], [2.0, 2.0, 2.0]]), -1.0
    >>> cores(terms, bias, torch.ones(2, 3, dtype=torch.bool)).tolist()
    [[1, 3], [0, 3]]
    """
    width, places = terms.shape[1], torch.arange(terms.shape[1])
    whole = terms.sum(1) + bias
    before = torch.cat([terms.new_zeros(len(terms), 1), terms.cumsum(1)], 1)
    found = torch.stack([places.where(spoken, width).amin(1), places.where(spoken, -1).amax(1) + 1], 1)
    left = spoken.any(1) & (whole > 0)
    for length in range(1, width):
        sums = before[:, length:] - before[:, :-length]
        ends = spoken[:, : width - length + 1] & spoken[:, length - 1 :]
        best, start = sums.masked_fill(~ends, -math.inf).max(1)
        fits = left & (best + bias >= CARRIED * whole)
        found[fits] = torch.stack([start, start + length], 1)[fits]
        left &= ~fits
    return found
