"""Where words lie on the axis along which the network tells one class from the others."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from weightdesk.capture.baselines import scrambled
from weightdesk.capture.progress import Progress, followed, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.resampling import ENDS, Estimate, bootstrap, permutations
from weightdesk.capture.text.association import association, bounded
from weightdesk.capture.text.axis import (
    Effects,
    axis_of,
    centred_ranks,
    coordinates,
    coordinates_of,
    effects,
    places_of,
)
from weightdesk.capture.text.estimate import by_chance, columns_of
from weightdesk.capture.text.margin import class_name, class_number, classes_of
from weightdesk.capture.text.reading import reading
from weightdesk.errors import OptionError, closest
from weightdesk.explain.page import Page, Section, section


@dataclass(frozen=True, eq=False)
class Polarity(Page):
    """The words of the texts on the polarity axis.

    Attributes:
        toward: the class to which positive coordinates lead.
        axis: a unit vector of the embedding's space.
        words: those that the texts use.
        numbers: their token numbers.
        uses: how often the texts use each of them.
        coordinates: along the axis from the median word, in the units of the embedding.
        low: lower bound of each coordinate's 95 % interval, by bootstrap over the texts.
        high: upper bound.
        chance: 95 % of the words of scrambled networks lie nearer to the median word than this.
        agreement: Spearman's correlation of coordinates and log-odds of the words in the texts.
        permuted: the same with permuted classes of the texts.
        scrambled: the same with scrambled weights.
    """

    toward: str
    axis: Float[Tensor, " width"]
    words: tuple[str, ...]
    numbers: Int[Tensor, " words"]
    uses: Int[Tensor, " words"]
    coordinates: Float[Tensor, " words"]
    low: Float[Tensor, " words"]
    high: Float[Tensor, " words"]
    chance: float
    agreement: Estimate
    permuted: Estimate
    scrambled: Estimate

    def coordinate(self, word: str) -> Estimate:
        """Where a word lies, and between which bounds.

        Raises:
            OptionError: the texts do not use it.
        """
        if word not in self.words:
            raise OptionError(f"the texts do not use the word {word!r}; {closest(word, self.words)}")
        place = self.words.index(word)
        return Estimate(*(float(each[place]) for each in (self.coordinates, self.low, self.high)))

    @property
    def title(self) -> str:
        """Toward which class, and how far axis and texts agree."""
        return (
            f"polarity of {len(self.words)} words toward {self.toward}: agreement {self.agreement.value:.2f}"
        )

    def sections(self) -> list[Section]:
        """The words farthest out first, and what the axis is worth beside chance."""
        order = self.coordinates.abs().argsort(descending=True, stable=True)
        columns = {
            "word": [self.words[place] for place in order.tolist()],
            "coordinate": self.coordinates[order].tolist(),
            "from": self.low[order].tolist(),
            "to": self.high[order].tolist(),
            "uses": self.uses[order].tolist(),
            "beyond chance": (self.coordinates[order].abs() > self.chance).tolist(),
        }
        note = (
            f"along the axis on which all other words' effects toward {self.toward} rise; "
            f"95 % of the words of scrambled networks lie within ±{self.chance:.3g}"
        )
        return [section("words", columns, bars=["coordinate"], note=note), self._score()]

    def _score(self) -> Section:
        rows = {
            "this network": self.agreement,
            "permuted classes": self.permuted,
            "scrambled weights": self.scrambled,
        }
        return section(
            "agreement with the texts",
            {"of": list(rows), **columns_of("Spearman", list(rows.values()))},
            bars=["Spearman"],
            note="rank correlation of the coordinates with the log-odds of a word in texts of the class",
        )  # fmt: skip


def polarity(
    specimen: Specimen,
    toward: int | str | None = None,
    *,
    draws: int = 200,
    scrambles: int = 5,
    seed: int = 0,
    progress: Progress = silent,
) -> Polarity:
    """Find the direction of the embedding that separates the classes, and each word's place on it.

    The axis joins where words are with what the network makes of them: it is the direction along which
    the words' mean effects on the class's margin (integrated gradients over all their uses) rise, by ridge
    regression of the effects' ranks, so the classes of the texts have no part in it. A word is placed
    on the axis that all other words make. Two other ways are worse: the mean gradient is near zero
    wherever a trained network is sure, and the difference of the classes' mean vectors puts even random
    embeddings on their right sides, as each word's own vector is in the mean of its class.

    Arguments:
        specimen: a network that reads texts, and the texts' classes.
        toward: a class by number or name; the last one if not given.
        draws: of the bootstrap, and permutations of the classes.
        scrambles: scrambled networks by which chance is judged.
        seed: of all random numbers.
        progress: told how far it is.

    Raises:
        OptionError: the network reads no texts, classes are unknown, or a number is not positive.

    >>> mean = torch.nn.AdaptiveAvgPool2d((1, 2))
    >>> net = torch.nn.Sequential(torch.nn.Embedding(6, 2), mean, torch.nn.Flatten())
    >>> net[0].weight.data = torch.tensor([[0.0, 0], [0, 1], [0.1, 0.9], [1, 0], [0.9, 0.1], [0.5, 0.5]])
    >>> texts, classes = torch.tensor([[1, 2, 5], [3, 4, 5]] * 8), torch.tensor([1, 0] * 8)
    >>> tokens = ("<pad>", "good", "fine", "bad", "poor", "film")
    >>> found = polarity(Specimen(net, texts, classes, ("no", "yes"), tokens=tokens))
    >>> [found.coordinate(word).value > 0 for word in ("good", "fine", "bad", "poor")]
    [True, True, False, False]
    """
    if min(draws, scrambles) < 1:
        raise OptionError(f"draws and scrambles must be 1 or more, got {draws} and {scrambles}")
    text, number = reading(specimen), class_number(specimen, toward)
    member, texts = classes_of(specimen).cpu() == number, association(text)
    used = (text.uses > 0).nonzero().view(-1)
    where, vectors = places_of(texts.words, used), text.vectors[used]
    each = effects(text, number, texts.words)
    amounts = each.means(torch.ones(1, len(member)).double())
    along = coordinates(vectors, where, amounts)[0]
    low, high = _bounds(vectors, where, each, draws, seed)
    random = [
        coordinates_of(text.with_model(scrambled(specimen.model, seed + draw)), number, texts.words)
        for draw in followed(range(scrambles), "scrambled networks", progress)
    ]
    direction = axis_of(vectors[where]).directions(centred_ranks(amounts))
    agreement = texts.agreement(along[where], member)
    orders = permutations(len(member), draws, seed)
    permuted = [texts.agreement(along[where], member[order]) for order in orders]
    return Polarity(
        class_name(specimen, number),
        torch.nn.functional.normalize(direction[0], dim=0),
        tuple(text.word(word) for word in used.tolist()), used, text.uses[used], along, low, high,
        _chance(random),
        bounded(agreement, len(texts.words)), by_chance(permuted),
        by_chance([texts.agreement(draw[where], member) for draw in random]),
    )  # fmt: skip


def _bounds(vectors: Tensor, where: Tensor, each: Effects, draws: int, seed: int) -> tuple[Tensor, Tensor]:
    """Bounds of the coordinates when the texts are drawn anew; the words stay where they are."""
    drawn = coordinates(vectors, where, each.means(bootstrap(len(each.sums), draws, seed)))
    low, high = drawn.quantile(torch.tensor(ENDS).double(), dim=0)
    return low, high


def _chance(random: list[Tensor]) -> float:
    """How far from the median word 95 % of the words of scrambled networks lie at most."""
    far = torch.cat(random).abs().sort().values  # sorted, as torch's quantile takes no more than 2²⁴ numbers
    return float(far[round(0.95 * (len(far) - 1))])
