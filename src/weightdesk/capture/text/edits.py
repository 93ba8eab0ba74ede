"""A text with and without two words, the first right in front of the second."""

from __future__ import annotations

from itertools import product

import torch
from jaxtyping import Int64
from torch import Tensor


def with_and_without(
    text: Int64[Tensor, " places"], pair: tuple[int, int], padding: int
) -> Int64[Tensor, "states places"] | None:
    """Respell a text around the second of two words: with both, the first, the second, and none.

    The first word is put in where it is not; what is taken out leaves no gap. Padding fills the
    end where it is, or the beginning where the text begins with it.

    Arguments:
        text: token numbers, the second word among them.
        pair: the numbers of both words.
        padding: the number of padding.

    Returns:
        The four spellings; None where there is no room for both words.

    >>> with_and_without(torch.tensor([5, 7, 6, 0]), (9, 7), padding=0).tolist()
    [[5, 9, 7, 6], [5, 9, 6, 0], [5, 7, 6, 0], [5, 6, 0, 0]]
    """
    first, second = pair
    words = [word for word in text.tolist() if word != padding]
    uses = [place for place, word in enumerate(words) if word == second]
    behind = [place for place in uses if place and words[place - 1] == first]
    place = (behind or uses)[0]
    head, tail = words[: place - 1 if behind else place], words[place + 1 :]
    spelled = [
        head + [first] * has_first + [second] * has_second + tail
        for has_first, has_second in product((1, 0), (1, 0))
    ]
    if len(spelled[0]) > len(text):
        return None
    filled = [[padding] * (len(text) - len(each)) for each in spelled]
    in_front = int(text[0]) == padding
    rows = [fill + each if in_front else each + fill for each, fill in zip(spelled, filled, strict=True)]
    return torch.tensor(rows)
