"""The words that a network of texts knows: those of the training part alone."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Int64
from torch import Tensor

from weightdesk.errors import DataError
from weightdesk.training.data.dataset import Dataset
from weightdesk.training.data.words import PADDING, SPECIAL, UNKNOWN

LEAST_USES = 2  # what stands in the training part only once can be learned by heart, but not learned from
SHORTEST = 8  # places, so that convolutions over several words fit whatever the texts
LONGEST = 256  # places; more of a text than its last so many words is not read


def known_words(dataset: Dataset, train: Int64[Tensor, " train"], at_most: int) -> Dataset:
    """Return the texts in the words that the training part knows, and as long as its longest text.

    Held-out texts say nothing about which words there are, so that scores on them are fair: what only
    they have becomes an unknown word, and of a longer one the last words count.

    Arguments:
        dataset: texts as numbers of all words that any of them has.
        train: places of the training part.
        at_most: so many words are known, the most frequent first, of one frequency by the alphabet.

    Raises:
        DataError: no word is there twice.

    >>> from weightdesk.training.data.words import numbered
    >>> rows, tokens = numbered(["good film", "good show", "bad film", "bad end"])
    >>> texts = Dataset(
    ...     inputs=rows, targets=torch.tensor([1, 1, 0, 0]), task="classification",
    ...     class_names=("-", "+"), tokens=tokens,
    ... )
    >>> known_words(texts, torch.tensor([0, 1, 2]), at_most=100).tokens
    ('<pad>', '<unk>', 'film', 'good')

    """
    kept = _most_frequent(dataset.inputs[train], len(dataset.tokens), at_most)
    if not len(kept):
        raise DataError(
            f"no word is in the training texts {LEAST_USES} times or more; need more or longer texts"
        )
    numbers = torch.full((len(dataset.tokens),), UNKNOWN)
    numbers[PADDING] = PADDING
    numbers[kept] = torch.arange(len(SPECIAL), len(SPECIAL) + len(kept))
    longest = int((dataset.inputs[train] != PADDING).sum(1).max())
    return replace(
        dataset,
        inputs=numbers[_as_long(dataset.inputs, min(max(longest, SHORTEST), LONGEST))],
        tokens=(*SPECIAL, *(dataset.tokens[each] for each in kept.tolist())),
    )


def _most_frequent(rows: Tensor, tokens: int, at_most: int) -> Int64[Tensor, " kept"]:
    uses = torch.bincount(rows.flatten(), minlength=tokens)
    uses[: len(SPECIAL)] = 0
    order = uses.argsort(descending=True, stable=True)[:at_most]
    return order[uses[order] >= LEAST_USES]


def _as_long(rows: Tensor, length: int) -> Int64[Tensor, "texts length"]:
    """Rows of a length: the last words of longer texts, padding behind shorter ones."""
    cut = [row[row != PADDING][-length:] for row in rows]
    return torch.nn.utils.rnn.pad_sequence(
        [*cut, rows.new_zeros(length)], batch_first=True, padding_value=PADDING
    )[:-1]
