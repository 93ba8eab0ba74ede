"""The texts that excite units most and least, with the words that a unit sees there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Int64
from torch import Tensor

from weightdesk.capture.activations import passes
from weightdesk.capture.examples.extremes import Extremes, peaks
from weightdesk.capture.layers import Layer
from weightdesk.capture.progress import Progress, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.text.reading import Text, reading
from weightdesk.capture.text.windows import OUTSIDE, filters_of
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section

COUNT: Final = 5


@dataclass(frozen=True)
class Excerpt:
    """A text, taken apart at the words that a unit sees.

    Attributes:
        example: number of the text.
        before: the words before.
        seen: those that the unit sees where it is strongest, or weakest.
        after: the words behind.
        activation: what the unit gives there, after its activation function.
    """

    example: int
    before: str
    seen: str
    after: str
    activation: float


@dataclass(frozen=True, eq=False)
class Excerpts(Page):
    """For each unit of a layer the texts that excite it most and least.

    Attributes:
        layer: whose units they are.
        text: the texts.
        windows: for each place of the layer's results the places of the words that are seen there.
        most: the strongest, in order.
        least: the weakest.
    """

    layer: Layer
    text: Text
    windows: Int64[Tensor, "places words"]
    most: Extremes
    least: Extremes

    def excerpt(self, unit: int, rank: int, *, least: bool = False) -> Excerpt:
        """The text of a rank, 0 the first."""
        end = self.least if least else self.most
        example, place = int(end.examples[unit, rank]), int(end.places[unit, rank])
        tokens = self.text.specimen.inputs[example].tolist()
        real = self.text.real[example].tolist()
        seen = [each for each in self.windows[place].tolist() if each != OUTSIDE]
        first, last = seen[0], seen[-1]

        def words(start: int, stop: int) -> str:
            return " ".join(self.text.word(tokens[at]) for at in range(start, stop) if real[at])

        return Excerpt(
            example, words(0, first), words(first, last + 1), words(last + 1, len(tokens)),
            float(end.values[unit, rank]),
        )  # fmt: skip

    @property
    def title(self) -> str:
        """Which units."""
        return f"the texts that excite the {self.layer.units} units of {self.layer.name}"

    def sections(self) -> list[Section]:
        """One row for each unit and rank; the strongest first, then the weakest."""
        ends = (("texts that excite it most", False), ("texts that excite it least", True))
        return [self._section(title, least=least) for title, least in ends]

    def _section(self, title: str, *, least: bool) -> Section:
        units, ranks = self.most.examples.shape
        found = [
            (unit, self.excerpt(unit, rank, least=least)) for unit in range(units) for rank in range(ranks)
        ]
        columns = {
            "unit": [unit for unit, _ in found],
            "words": [each.seen for _, each in found],
            "activation": [each.activation for _, each in found],
            "example": [each.example for _, each in found],
        }
        return section(title, columns, bars=["activation"], note="the words that the unit sees there")


def excerpts(
    specimen: Specimen, layer: Layer, count: int = COUNT, *, progress: Progress = silent
) -> Excerpts:
    """Find the texts that excite each unit of a layer most and least, and the words it sees there.

    A convolution over words sees a window, a layer that runs at each place the word there, though in a
    transformer others come into it; a layer behind them sees the whole text. Padding does not count.

    Arguments:
        specimen: the network and its texts.
        layer: as `layers_of` finds it.
        count: texts of each kind.
        progress: told how far it is.

    Raises:
        OptionError: the network reads no texts, or count is not positive.

    >>> from weightdesk.capture.layers import layers_of
    >>> net = torch.nn.Embedding(3, 2, padding_idx=0)
    >>> _ = net.weight.data.copy_(torch.tensor([[0.0, 0.0], [1.0, -2.0], [3.0, 4.0]]))
    >>> texts = Specimen(net, torch.tensor([[1, 2, 0], [1, 0, 0]]), tokens=("", "a", "film"))
    >>> excerpts(texts, layers_of(net, texts.inputs)[0], count=1).excerpt(unit=1, rank=0)
    Excerpt(example=0, before='a', seen='film', after='', activation=4.0)
    """
    if count < 1:
        raise OptionError(f"count must be 1 or more, got {count}")
    text = reading(specimen)
    windows = _windows(text, layer)
    nothing = torch.zeros(layer.units, 0)
    most = least = Extremes(nothing, nothing.long(), nothing.long())
    first = 0
    for heard in passes(specimen.model, specimen.inputs, [layer]):
        values = heard[layer.name].float().cpu()
        real = text.real[first : first + len(values)].cpu()
        blank = ~(real[:, windows.clamp(min=0)] & (windows != OUTSIDE)).any(2)[:, None]
        most = most.with_more(peaks(values.masked_fill(blank, -math.inf), first)).largest(count)
        least = least.with_more(peaks((-values).masked_fill(blank, -math.inf), first)).largest(count)
        first += len(values)
        progress(f"texts that excite {layer.name}", first / len(specimen))
    return Excerpts(layer, text, windows, most, least.turned())


def _windows(text: Text, layer: Layer) -> Int64[Tensor, "places words"]:
    """The places of the words behind each place of a layer's results."""
    length = text.specimen.inputs.shape[1]
    for filters in filters_of(text):
        if filters.layer.name == layer.name:
            return filters.places(length)
    heard = next(passes(text.specimen.model, text.specimen.inputs[:1], [layer]))[layer.name]
    places = heard.shape[2]
    if places == length:
        return torch.arange(length)[:, None]
    return torch.arange(length).expand(places, -1)
