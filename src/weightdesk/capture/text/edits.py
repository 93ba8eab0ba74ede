"""Texts from which words are taken."""

from __future__ import annotations

import torch
from jaxtyping import Int64
from torch import Tensor


def without(
    texts: Int64[Tensor, "texts places"], places: Int64[Tensor, "texts taken"], padding: int
) -> Int64[Tensor, "texts places"]:
    """Take words from texts: the rest closes up, and padding fills the end where there is padding already.

    Arguments:
        texts: rows of token numbers.
        places: of the words to take from each text.
        padding: the number of padding.

    >>> without(torch.tensor([[5, 6, 7, 0]]), torch.tensor([[1]]), padding=0).tolist()
    [[5, 7, 0, 0]]
    >>> without(torch.tensor([[0, 5, 6, 7]]), torch.tensor([[1, 3]]), padding=0).tolist()
    [[0, 0, 0, 6]]
    """
    taken = torch.zeros_like(texts, dtype=torch.bool).scatter(1, places, True)
    before = texts[:, 0] == padding
    # stable: the words that stay keep their order
    end = torch.where(before[:, None], ~taken, taken).long()
    return texts.masked_fill(taken, padding).gather(1, end.argsort(dim=1, stable=True))
