"""Which phrases excite which units of the convolutions over words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from weightdesk.capture.activations import listening
from weightdesk.capture.text.cores import cores
from weightdesk.capture.text.occurrences import Phrase, Windows, grown, windows_of
from weightdesk.capture.text.pooled import pooled
from weightdesk.capture.text.reading import Text
from weightdesk.capture.text.windows import OUTSIDE, Filters, filters_of

_EDGE: Final = "∅"
_CANDIDATES: Final = 200  # windows for each phrase wanted, as many hold the same one


@dataclass(frozen=True)
class UnitPhrase:
    """One of the phrases that excite a unit most.

    Attributes:
        layer: the convolution.
        unit: of the layer.
        words: of the phrase: those that carry the activation, and what the texts almost always put
            around them.
        core: those that carry it: 90 % of it comes from them alone.
        window: all words that the unit reads where they excite it most.
        numbers: their token numbers, −1 beyond the ends of the text.
        activation: what the unit makes of the window.
        count: how often the phrase is in the texts.
        share: of the texts with the phrase, those of the class; not a number where classes are unknown.
        push: what the activation adds to the margin of the class, output weight × activation, in a text
            where nothing excites the unit more; None where the last layer reads more than the units.
    """

    layer: str
    unit: int
    words: str
    core: str
    window: str
    numbers: tuple[int, ...]
    activation: float
    count: int
    share: float
    push: float | None


@dataclass(frozen=True, eq=False)
class Search:
    """What is looked for, and what the texts say whatever the weights.

    Attributes:
        toward: number of the class that is pushed.
        count: phrases of each unit.
        least: how often the texts have each of them.
        windows: by convolution, its different windows.
        member: which texts are of the class; None where classes are unknown.
        grown: the phrase to which words belong.
    """

    toward: int
    count: int
    least: int
    windows: Mapping[str, Windows]
    member: Bool[Tensor, " examples"] | None
    grown: Callable[[tuple[int, ...]], Phrase]


def search(text: Text, toward: int, count: int, least: int) -> Search:
    """Prepare a search in texts, which may then be done for several networks."""
    windows = {each.layer.name: windows_of(text, each) for each in filters_of(text)}
    labels = text.specimen.labels
    member = None if labels is None else labels.cpu() == toward
    return Search(toward, count, least, windows, member, cache(partial(grown, text)))


def unit_phrases(text: Text, asked: Search) -> tuple[UnitPhrase, ...]:
    """Find the phrases of all units of all convolutions over words.

    Arguments:
        text: texts, and the network that reads them.
        asked: as `search` prepares it.
    """
    build = pooled(text)
    branches = {} if build is None else {each.filters.layer.name: each for each in build.branches}
    found: list[UnitPhrase] = []
    for filters in filters_of(text):
        branch = branches.get(filters.layer.name)
        values = _activations(text, filters, asked.windows[filters.layer.name].first)
        pushed = None
        if branch is not None and build is not None:
            values, pushed = branch.activated(values), build.weights(asked.toward)[branch.columns]
        layer = _Layer(text, filters, asked, values, pushed)
        found += [each for unit in range(filters.layer.units) for each in layer.phrases(unit)]
    return tuple(found)


def _activations(text: Text, filters: Filters, first: Tensor) -> Float[Tensor, "different units"]:
    """What the units make of the windows at the places where they are first, as the network runs."""
    values = torch.empty(len(first), filters.layer.units)
    order = first.argsort()
    done = 0
    with torch.no_grad(), listening(text.specimen.model, [filters.layer]) as heard:
        start = 0
        for some, _real in text.batches():
            text.specimen.model(some)
            rows = heard[filters.layer.name].movedim(1, 2).flatten(0, 1)
            here = order[done : done + int(((first >= start) & (first < start + len(rows))).sum())]
            values[here] = rows[first[here] - start].float().cpu()
            done, start = done + len(here), start + len(rows)
    return values


@dataclass(frozen=True, eq=False)
class _Layer:
    """What is needed to tell the phrases of a convolution's units."""

    text: Text
    filters: Filters
    asked: Search
    values: Float[Tensor, "different units"]
    pushed: Float[Tensor, " units"] | None

    @property
    def windows(self) -> Windows:
        """Those of the convolution."""
        return self.asked.windows[self.filters.layer.name]

    def phrases(self, unit: int) -> Iterator[UnitPhrase]:
        """The phrases of one unit, each where it excites it most."""
        best = self._strongest(unit, _CANDIDATES * self.asked.count)
        seen: set[tuple[int, ...]] = set()
        for window, ends in zip(best.tolist(), self._cores(unit, best).tolist(), strict=True):
            core = tuple(self.windows.words[window, slice(*ends)].tolist())
            phrase = self.asked.grown(core)
            if phrase.count >= self.asked.least and phrase.words not in seen:
                seen.add(phrase.words)
                yield self._phrase(unit, window, core, phrase)
            if len(seen) == self.asked.count:
                return

    def _strongest(self, unit: int, count: int) -> Tensor:
        speaking = self.windows.spoken.any(1).nonzero().view(-1)
        values, order = self.values[speaking, unit].sort(descending=True, stable=True)
        return speaking[order[:count][values[:count] != 0]]

    def _cores(self, unit: int, windows: Tensor) -> Tensor:
        words, bias = self.windows.words[windows], self.filters.module.bias
        vectors = self.text.vectors[words.clamp(min=0)] * (words != OUTSIDE).unsqueeze(2)
        terms = torch.einsum("nwd,dw->nw", vectors, self.filters.weight[unit])
        return cores(terms, 0.0 if bias is None else float(bias.detach()[unit]), self.windows.spoken[windows])

    def _phrase(self, unit: int, window: int, core: tuple[int, ...], phrase: Phrase) -> UnitPhrase:
        numbers = tuple(self.windows.words[window].tolist())
        activation = float(self.values[window, unit])
        member = self.asked.member
        return UnitPhrase(
            layer=self.filters.layer.name,
            unit=unit,
            words=spoken(self.text, phrase.words),
            core=spoken(self.text, core),
            window=spoken(self.text, numbers),
            numbers=numbers,
            activation=activation,
            count=phrase.count,
            share=math.nan if member is None else float(member[phrase.examples].double().mean()),
            push=None if self.pushed is None else float(self.pushed[unit]) * activation,
        )


def spoken(text: Text, numbers: Iterable[int]) -> str:
    """The words of a window, ∅ for padding and beyond the ends of the text."""
    return " ".join(_EDGE if each in (OUTSIDE, text.padding) else text.word(each) for each in numbers)
