"""How strongly words go with a class in the texts themselves, and how far a network's axis agrees."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from weightdesk.capture.story.resampling import ENDS, Estimate
from weightdesk.capture.text.reading import Text

LEAST: Final = 5
"""In so many texts a word must be for its association to be looked at."""


@dataclass(frozen=True, eq=False)
class Association:
    """In which texts each word is.

    Attributes:
        words: the token numbers of the words that are in enough texts.
        present: whether each text has each of them.
    """

    words: Int[Tensor, " words"]
    present: Float[Tensor, "examples words"]

    def log_odds(self, member: Bool[Tensor, " examples"]) -> Float[Tensor, " words"]:
        """Log of the odds to be in a text of the class over those in the others, ½ added to each count.

        >>> Association(torch.tensor([3]), torch.tensor([[1.0], [0.0]])).log_odds(torch.tensor([True, False]))
        tensor([2.1972])
        """
        inside, outside = (mask.to(self.present) @ self.present for mask in (member, ~member))
        sizes = float(member.sum()), float((~member).sum())
        odds = [(c + 0.5) / (n - c + 0.5) for c, n in zip((inside, outside), sizes, strict=True)]
        return torch.log(odds[0] / odds[1])

    def agreement(self, along: Float[Tensor, " words"], member: Bool[Tensor, " examples"]) -> float:
        """Spearman's rank correlation of the words' coordinates with their log-odds.

        Not a number where all words are alike.
        """
        return _correlation(_ranks(along), _ranks(self.log_odds(member)))


def association(text: Text, least: int = LEAST) -> Association:
    """Note which words are in which texts.

    Arguments:
        text: texts.
        least: in so many of them a word must be.
    """
    inputs, real = text.specimen.inputs.cpu(), text.real.cpu()
    present = torch.zeros(len(inputs), text.embedding.num_embeddings)
    present.scatter_(1, inputs.long(), 1.0)
    if text.padding is not None and not bool(real.all()):
        present[:, text.padding] = 0
    words = (present.sum(0) >= least).nonzero().view(-1)
    return Association(words, present[:, words])


def bounded(correlation: float, words: int) -> Estimate:
    """Spearman's correlation with its 95 % interval, by Fisher's z.

    Source: Bonett and Wright 2000, Sample size requirements for estimating Pearson, Kendall and Spearman
    correlations.

    >>> found = bounded(0.9, 100)
    >>> round(found.low, 3), round(found.high, 3)
    (0.844, 0.936)
    """
    if words < 4 or not abs(correlation) < 1:
        return Estimate(correlation, math.nan, math.nan)
    reach = NormalDist().inv_cdf(ENDS[1]) * math.sqrt((1 + correlation**2 / 2) / (words - 3))
    z = math.atanh(correlation)
    return Estimate(correlation, math.tanh(z - reach), math.tanh(z + reach))


def _ranks(values: Tensor) -> Tensor:
    from scipy.stats import rankdata  # type: ignore[import-untyped]  # takes long to load

    return torch.as_tensor(rankdata(values.numpy()), dtype=torch.float64)


def _correlation(first: Tensor, second: Tensor) -> float:
    first, second = first - first.mean(), second - second.mean()
    size = math.sqrt(float(first.square().sum() * second.square().sum()))
    return float((first * second).sum()) / size if size else math.nan
