"""Texts as rows of token numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Int64
from torch import Tensor

PADDING, UNKNOWN = 0, 1
SPECIAL = ("<pad>", "<unk>")
"""The tokens of these numbers: they fill up short texts, and stand for words that are not known."""

_WORD = re.compile(rf"{re.escape(SPECIAL[UNKNOWN])}|\w+(?:['’]\w+)*|[^\w\s]")


def words_of(text: str) -> list[str]:
    """Split a text into words in lower case, with punctuation apart.

    >>> words_of("It isn't bad, really!")
    ['it', "isn't", 'bad', ',', 'really', '!']
    """
    return _WORD.findall(text.lower())


def numbered(texts: Sequence[str]) -> tuple[Int64[Tensor, "texts places"], tuple[str, ...]]:
    """Number all words of some texts, in the order of the alphabet.

    Returns:
        A row a text, filled up with padding to the longest, and what each number stands for.

    >>> rows, tokens = numbered(["good film", "bad"])
    >>> rows.tolist(), tokens
    ([[4, 3], [2, 0]], ('<pad>', '<unk>', 'bad', 'film', 'good'))
    """
    split = [words_of(text) for text in texts]
    tokens = (*SPECIAL, *sorted({word for words in split for word in words} - set(SPECIAL)))
    numbers = {token: number for number, token in enumerate(tokens)}
    length = max(map(len, split), default=0)
    return torch.tensor([_row(numbers, words, length) for words in split], dtype=torch.long), tokens


@dataclass(frozen=True)
class Encoder:
    """Takes a text to token numbers, filled up with padding as the examples of a training are.

    Attributes:
        tokens: what each number stands for.
        length: so many numbers a text has at least.

    >>> Encoder(("<pad>", "<unk>", "good"), 4)("Good film")
    [2, 1, 0, 0]
    """

    tokens: tuple[str, ...]
    length: int

    def __call__(self, text: str) -> list[int]:
        """The numbers; none where there are no words."""
        words = words_of(text)
        return _row(self._numbers, words, self.length) if words else []

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        return {token: number for number, token in enumerate(self.tokens)}


def _row(numbers: Mapping[str, int], words: Iterable[str], length: int) -> list[int]:
    row = [numbers.get(word, UNKNOWN) for word in words]
    return row + [PADDING] * (length - len(row))
