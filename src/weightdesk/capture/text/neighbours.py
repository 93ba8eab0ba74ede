"""The words whose embeddings lie nearest to that of a word."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from weightdesk.capture.baselines import scrambled
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.resampling import Estimate
from weightdesk.capture.text.estimate import by_chance
from weightdesk.capture.text.reading import reading
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section


@dataclass(frozen=True, eq=False)
class Neighbours(Page):
    """The nearest words of a word.

    Attributes:
        word: whose neighbours they are.
        words: the nearest one first.
        numbers: their token numbers.
        cosines: of the angle between both embeddings, from −1 to 1.
        chance: the cosine of the nearest word in embeddings with the same numbers at random places.
    """

    word: str
    words: tuple[str, ...]
    numbers: Int64[Tensor, " neighbours"]
    cosines: Float[Tensor, " neighbours"]
    chance: Estimate

    @property
    def title(self) -> str:
        """Whose neighbours, and whether they are any."""
        nearer = "nearer" if self.cosines[0] > self.chance.high else "no nearer"
        return f"the words nearest to {self.word!r}, {nearer} than in scrambled embeddings"

    def sections(self) -> list[Section]:
        """The words, and what chance would make of the nearest one."""
        note = (
            f"nearest word in scrambled embeddings: cosine {self.chance.value:.2f}, "
            f"95 % of them {self.chance.low:.2f} to {self.chance.high:.2f}"
        )
        columns = {"word": list(self.words), "cosine": self.cosines.tolist()}
        return [section("neighbours", columns, bars=["cosine"], note=note)]


def neighbours(
    specimen: Specimen, word: str, count: int = 10, *, scrambles: int = 20, seed: int = 0
) -> Neighbours:
    """Find the words whose embeddings point most nearly the same way.

    Only words that the texts use are looked at: what was never read was never trained.

    Arguments:
        specimen: a network that reads texts.
        word: one that it knows.
        count: how many.
        scrambles: scrambled embeddings by which chance is judged.
        seed: of the scrambling.

    Raises:
        OptionError: the network reads no texts, does not know the word, or a number is not positive.

    Source: Mikolov et al. 2013, Efficient estimation of word representations in vector space.

    >>> net = torch.nn.Sequential(torch.nn.Embedding(4, 2), torch.nn.Flatten())
    >>> net[0].weight.data = torch.tensor([[0.0, 0.0], [1.0, 1.0], [1.0, 0.9], [-1.0, 0.0]])
    >>> specimen = Specimen(net, torch.tensor([[1, 2, 3]]), tokens=("<pad>", "good", "fine", "bad"))
    >>> neighbours(specimen, "good").words
    ('fine', 'bad')
    """
    if min(count, scrambles) < 1:
        raise OptionError(f"count and scrambles must be 1 or more, got {count} and {scrambles}")
    text = reading(specimen)
    number = text.number(word)
    others = (text.uses > 0).nonzero().view(-1)
    others = others[others != number]
    cosines = _cosines(text.vectors, number, others)
    best = cosines.argsort(descending=True, stable=True)[:count]
    random = [text.with_model(scrambled(specimen.model, seed + draw)).vectors for draw in range(scrambles)]
    nearest = [float(_cosines(vectors, number, others).max()) for vectors in random]
    found = others[best]
    words = tuple(text.word(each) for each in found.tolist())
    return Neighbours(word, words, found, cosines[best], by_chance(nearest))


def _cosines(vectors: Tensor, number: int, others: Tensor) -> Tensor:
    return torch.cosine_similarity(vectors[others], vectors[number], dim=1)
