"""What each attention head attends to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weightdesk.capture.baselines import scrambled
from weightdesk.capture.progress import Progress, followed, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.resampling import Estimate
from weightdesk.capture.text.estimate import by_chance, columns_of, mean_estimate
from weightdesk.capture.text.heads import attending
from weightdesk.capture.text.reading import Text, reading
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section

WAYS: Final = ("itself", "previous", "next", "first", "padding", "entropy")
"""What is measured of a head: shares of its attention, and the entropy over that of even attention."""

_OFFSETS: Final = range(-8, 9)
_WORDS_SHOWN: Final = 5
_LEAST_USES: Final = 5


@dataclass(frozen=True, eq=False)
class Attended:
    """What one head attends to.

    Attributes:
        module: where it is computed.
        head: its number there.
        ways: by name of `WAYS`, the mean over the texts, each the mean over its words.
        scrambled: the same of scrambled networks.
        by_distance: mean attention to the word so many places on; offsets are those of `Attention`.
        received: by token number, what a word receives from all words of its text; 1 where attention is even;
            not a number for words that the texts do not use.
    """

    module: str
    head: int
    ways: Mapping[str, Estimate]
    scrambled: Mapping[str, Estimate]
    by_distance: Float[Tensor, " offsets"]
    received: Float[Tensor, " tokens"]


@dataclass(frozen=True, eq=False)
class Attention(Page):
    """What the heads of a network attend to.

    Attributes:
        heads: in the order in which they run.
        offsets: of the distances, from the places before to those behind.
        even: what even attention would give, by name of `WAYS`.
        text: the network and its texts.
    """

    heads: tuple[Attended, ...]
    offsets: tuple[int, ...]
    even: Mapping[str, float]
    text: Text

    @property
    def title(self) -> str:
        """How many heads."""
        return f"what {len(self.heads)} attention heads attend to"

    def words(self, head: Attended, count: int = _WORDS_SHOWN) -> list[tuple[str, float, int]]:
        """The words that receive most, of those in use 5 times or more: how much, and how often used."""
        often = head.received.where(self.text.uses >= _LEAST_USES, -math.inf)
        best = often.argsort(descending=True, stable=True)[:count].tolist()
        uses = self.text.uses.tolist()
        known = (each for each in best if uses[each] >= _LEAST_USES)
        return [(self.text.word(each), float(often[each]), uses[each]) for each in known]

    def sections(self) -> list[Section]:
        """The shares, their chance and bounds, then distances and words."""
        shares = {way: [each.ways[way].value for each in self.heads] for way in WAYS}
        random = {way: [each.scrambled[way].value for each in self.heads] for way in WAYS}
        bounds: dict[str, list[float]] = {}
        for way in WAYS:
            bounds |= columns_of(way, [each.ways[way] for each in self.heads])
        even = ", ".join(f"{way} {value:.3g}" for way, value in self.even.items())
        return [
            section("shares of attention", self._named(shares), bars=WAYS, note=f"even attention: {even}"),
            section("with scrambled weights", self._named(random), bars=WAYS),
            section("95 % intervals", self._named(bounds)),
            self._distances(),
            self._words(),
        ]

    def _named(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        names = {"module": [each.module for each in self.heads], "head": [each.head for each in self.heads]}
        return {**names, **columns}

    def _distances(self) -> Section:
        def told(share: Tensor) -> float | None:  # no text may be that long
            return float(share) if share.isfinite() else None

        columns = {
            f"{offset:+d}" if offset else "itself": [told(each.by_distance[place]) for each in self.heads]
            for place, offset in enumerate(self.offsets)
        }
        return section("by distance", self._named(columns), bars=columns, note="to a word so many places on")

    def _words(self) -> Section:
        rows = [(each.module, each.head, *word) for each in self.heads for word in self.words(each)]
        names = ("module", "head", "word", "received", "uses")
        columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
        return section("words", columns, bars=["received"], note="1: as much as even attention gives")


def attention(
    specimen: Specimen, *, scrambles: int = 5, seed: int = 0, progress: Progress = silent
) -> Attention:
    """Measure what each head attends to: places, distances and words.

    Only words ask and are counted; attention that falls on padding is told as such, and 0 where the
    network masks it.

    Arguments:
        specimen: a network that reads texts and has attention heads.
        scrambles: scrambled networks by which chance is judged.
        seed: of the scrambling.
        progress: told how far it is.

    Raises:
        OptionError: the network reads no texts or has no heads, or scrambles is not positive.

    Source: Clark et al. 2019, What does BERT look at?

    >>> attention(Specimen(torch.nn.Embedding(4, 2), torch.tensor([[1, 2, 3]])))
    Traceback (most recent call last):
    ...
    weightdesk.errors.OptionError: Embedding has no attention heads among the words
    """
    if scrambles < 1:
        raise OptionError(f"scrambles must be 1 or more, got {scrambles}")
    text = reading(specimen)
    found = _measure(text)
    if not found:
        raise OptionError(f"{type(specimen.model).__name__} has no attention heads among the words")
    random = [
        _measure(text.with_model(scrambled(specimen.model, seed + draw)))
        for draw in followed(range(scrambles), "scrambled networks", progress)
    ]
    heads = [
        Attended(
            module, head,
            {way: _where_told(values[:, head]) for way, values in sums.ways.items()},
            {way: by_chance([float(each[module].ways[way][:, head].nanmean()) for each in random])
             for way in WAYS},
            (sums.distances / sums.chances)[head], (sums.received / text.uses)[head],
        )
        for module, sums in found.items() for head in range(len(sums.received))
    ]  # fmt: skip
    count = text.real.sum(1).cpu().double()
    share = float((1 / count[count > 0]).mean())
    even = dict.fromkeys(WAYS[:4], share) | {"padding": 0.0, "entropy": 1.0}
    return Attention(tuple(heads), tuple(_OFFSETS), even, text)


def _where_told(values: Tensor) -> Estimate:
    """The mean over the texts that tell: a single word has none before it, and no choice."""
    return mean_estimate(values[values.isfinite()])


@dataclass(eq=False)
class _Sums:
    """What is gathered of the heads of a module while the texts go by."""

    ways: dict[str, Tensor]
    distances: Tensor
    chances: Tensor
    received: Tensor

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(
            {way: torch.cat([values, other.ways[way]]) for way, values in self.ways.items()},
            self.distances + other.distances, self.chances + other.chances, self.received + other.received,
        )  # fmt: skip


def _measure(text: Text) -> dict[str, _Sums]:
    found: dict[str, _Sums] = {}
    with torch.no_grad(), attending(text.specimen.model, text.real.shape[1]) as heard:
        for some, real in text.batches():
            heard.clear()
            text.specimen.model(some)
            for module, heads in heard.items():
                # a text without a word asks nothing
                speaks = real.any(1).cpu()
                weights = heads.weights.cpu().double()[speaks]
                sums = _gather(weights, real.cpu()[speaks], some.cpu()[speaks], text.embedding.num_embeddings)
                found[module] = found[module] + sums if module in found else sums
    return found


def _gather(weights: Tensor, real: Bool[Tensor, "texts places"], inputs: Tensor, tokens: int) -> _Sums:
    asked = weights * real[:, None, :, None]
    count = real.sum(1).double()[:, None]
    first = real.int().argmax(1)[:, None, None, None].expand(*asked.shape[:3], 1)
    logs = torch.where(asked > 0, asked, 1.0).log()
    ways = {
        "itself": _diagonal(asked, real, 0),
        "previous": _diagonal(asked, real, -1),
        "next": _diagonal(asked, real, 1),
        "first": asked.gather(3, first).sum((2, 3)) / count,
        "padding": (asked * ~real[:, None, None, :]).sum((2, 3)) / count,
        "entropy": -(asked * logs).sum((2, 3)) / count / torch.where(count > 1, count.log(), math.nan),
    }
    distances, chances = zip(*(_at(asked, real, offset) for offset in _OFFSETS), strict=True)
    columns = (asked.sum(2) * real[:, None, :]).movedim(1, 0).flatten(1)
    received = torch.zeros(asked.shape[1], tokens).double().index_add_(1, inputs.long().flatten(), columns)
    return _Sums(
        ways, torch.stack([each.sum(0) for each in distances], 1),
        torch.stack([each.sum() for each in chances]), received,
    )  # fmt: skip


def _at(asked: Tensor, real: Tensor, offset: int) -> tuple[Tensor, Tensor]:
    """By text and head the summed attention to the word at an offset; by text how many words have one."""
    both = (real[:, :, None] & real[:, None, :]).diagonal(offset, 1, 2)
    along = asked.diagonal(offset, 2, 3)
    return (along * both[:, None]).sum(2), both.sum(1).double()


def _diagonal(asked: Tensor, real: Tensor, offset: int) -> Tensor:
    sums, chances = _at(asked, real, offset)
    return sums / chances[:, None]
