"""The different windows of words in texts, and the phrases to which words belong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from weightdesk.capture.text.reading import Text
from weightdesk.capture.text.windows import OUTSIDE, Filters

_LEAST: Final = 5
_ALMOST_ALWAYS: Final = 0.9


@dataclass(frozen=True, eq=False)
class Windows:
    """What the windows of a convolution hold.

    Attributes:
        words: token numbers of each different window, `OUTSIDE` beyond the text.
        counts: how often it is in the texts.
        first: the number of the window where it is first, of all windows one text after the other.
        which: of each window of each text, which of the different ones it is.
        spoken: where a window has a word, not padding.
    """

    words: Int64[Tensor, "different words"]
    counts: Int64[Tensor, " different"]
    first: Int64[Tensor, " different"]
    which: Int64[Tensor, "examples windows"]
    spoken: Bool[Tensor, "different words"]


def windows_of(text: Text, filters: Filters) -> Windows:
    """Find the different windows that a convolution reads."""
    words = filters.words(text.specimen.inputs.cpu().long())
    flat = words.flatten(0, 1)
    which = _numbered(flat)
    counts = which.bincount()
    first = torch.full_like(counts, len(flat)).scatter_reduce_(
        0, which, torch.arange(len(flat)), reduce="amin"
    )
    different = flat[first]
    empty = torch.tensor([OUTSIDE, OUTSIDE if text.padding is None else text.padding])
    return Windows(different, counts, first, which.view(words.shape[:2]), ~torch.isin(different, empty))


def _numbered(windows: Int64[Tensor, "windows words"]) -> Int64[Tensor, " windows"]:
    """A number for each different window, in the order of their words; word by word, as rows sort slowly."""
    base, which = int(windows.max()) - OUTSIDE + 1, torch.zeros(len(windows)).long()
    for words in windows.unbind(1):
        which = torch.unique(which * base + words - OUTSIDE, return_inverse=True)[1]
    return which


@dataclass(frozen=True, eq=False)
class Phrase:
    """Words in a row, as the texts use them.

    Attributes:
        words: their token numbers.
        count: how often they are in the texts.
        examples: the texts that have them.
    """

    words: tuple[int, ...]
    count: int
    examples: Int64[Tensor, " having"]


def grown(text: Text, words: tuple[int, ...]) -> Phrase:
    """Add to words what the texts almost always put before or behind them.

    So a part of a fixed phrase stands for all of it; the sequence is closed but for 1 use in 10
    (Pei, Han and Mao 2000, on patterns in general). Words in fewer than 5 places stay as they are.

    >>> from weightdesk.capture.specimen import Specimen
    >>> from weightdesk.capture.text.reading import reading
    >>> inputs = torch.tensor([[1, 5, 6], [2, 5, 6], [3, 5, 6], [4, 5, 6], [1, 5, 6]])
    >>> found = grown(reading(Specimen(torch.nn.Embedding(9, 2), inputs)), (6,))
    >>> found.words, found.count
    ((5, 6), 5)
    """
    inputs = text.specimen.inputs.cpu()
    starts = torch.ones(len(inputs), inputs.shape[1] - len(words) + 1, dtype=torch.bool)
    for place, word in enumerate(words):
        starts &= inputs[:, place : place + starts.shape[1]] == word
    examples, first = starts.nonzero().unbind(1)
    edge = torch.full((len(inputs), 1), OUTSIDE)
    padded = torch.cat([edge, inputs, edge], 1)
    behind, stuck = True, 0
    while len(first) >= _LEAST and stuck < 2:
        beside = padded[examples, first + 1 + len(words) if behind else first]
        word = int(beside.mode().values)
        kept = beside == word
        if word in (OUTSIDE, text.padding) or kept.double().mean() < _ALMOST_ALWAYS:
            behind, stuck = not behind, stuck + 1
            continue
        words = (*words, word) if behind else (word, *words)
        examples, first, stuck = examples[kept], first[kept] - int(not behind), 0
    return Phrase(words, len(first), torch.unique(examples))
