"""The words and phrases that decide what a network makes of one text."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from weightdesk.capture.baselines import scrambled
from weightdesk.capture.progress import Progress, followed, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.text.exciting import spoken
from weightdesk.capture.text.gradients import integrated
from weightdesk.capture.text.margin import class_name, class_number, logits, margins
from weightdesk.capture.text.pooled import Pooled, pooled
from weightdesk.capture.text.reading import Text, reading
from weightdesk.capture.text.windows import OUTSIDE
from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.explain.page import Page, Section, section


@dataclass(frozen=True)
class Detection:
    """What one convolution unit found in the text, and what that adds to the margin.

    Attributes:
        layer: the convolution.
        unit: of the layer.
        words: of the window that excites it most.
        place: of the window's first word in the text.
        activation: what the unit makes of them.
        term: output weight × activation.
    """

    layer: str
    unit: int
    words: str
    place: int
    activation: float
    term: float


@dataclass(frozen=True, eq=False)
class Reasons(Page):
    """The margin of a class for one text, in terms that add up.

    Attributes:
        toward: the class.
        words: those of the text, without padding.
        places: of the words in the text.
        terms: what each adds to the margin.
        offset: what there is without words: all biases, or where terms are estimated the margin of an
            empty text; what padding adds belongs to it.
        margin: the class's logit minus the mean of the others, as the network computes it.
        exact: whether the terms follow from the weights; otherwise they are integrated gradients.
        detections: what the convolution units found, the weightiest first; empty where terms are estimated.
        chance: for each word, 95 % of scrambled networks give a smaller term.
    """

    toward: str
    words: tuple[str, ...]
    places: Int64[Tensor, " words"]
    terms: Float[Tensor, " words"]
    offset: float
    margin: float
    exact: bool
    detections: tuple[Detection, ...]
    chance: Float[Tensor, " words"]

    @property
    def remainder(self) -> float:
        """The margin minus all terms: rounding where they are exact, the estimate's error otherwise."""
        return self.margin - self.offset - float(self.terms.sum())

    @property
    def title(self) -> str:
        """How far the class is preferred."""
        return f"why {self.toward} by {self.margin:+.3g}: {' '.join(self.words)}"

    def sections(self) -> list[Section]:
        """The words in their order, and the phrases by weight."""
        columns = {
            "word": [*self.words, self.offset_name],
            "term": [*self.terms.tolist(), self.offset],
            "scrambled": [*self.chance.tolist(), None],
        }
        how = (
            "exact: output weight × embedding × filter, at the window that each unit chose"
            if self.exact
            else "an estimate, integrated gradients"
        )
        note = f"{how}; the terms add up to the margin but for {self.remainder:+.2g}"
        words = section("words", columns, bars=["term"], note=note)
        return [words, self._phrases()] if self.detections else [words]

    @property
    def offset_name(self) -> str:
        """What the offset is called."""
        return "biases" if self.exact else "an empty text"

    def _phrases(self) -> Section:
        names = ("words", "layer", "unit", "activation", "term")
        columns = {name: [getattr(each, name) for each in self.detections] for name in names}
        note = "with the bias of the last layer these add up to the margin, too"
        return section("phrases", columns, bars=["term"], note=note)


def deciding(
    specimen: Specimen,
    example: int,
    toward: int | str | None = None,
    *,
    steps: int = 64,
    scrambles: int = 20,
    seed: int = 0,
    progress: Progress = silent,
) -> Reasons:
    """Divide the margin of a class for one text among the words.

    Where the last layer reads the largest activation of each convolution unit (Kim 2014, as the built-in
    `textcnn`), and activations are ReLUs or the like, this is exact: the margin is Σ output weight ×
    activation + bias, an activation is Σ filter × embedded word + bias over the window where it is
    largest, or 0. For other networks it is an estimate, integrated gradients from an empty text
    (Sundararajan, Taly and Yan 2017, Axiomatic attribution for deep networks), and `remainder` is its error.

    Arguments:
        specimen: a network that reads texts.
        example: the number of the text.
        toward: a class by number or name; the one that the network decides for if not given.
        steps: of the integral, where terms are estimated.
        scrambles: scrambled networks by which chance is judged.
        seed: of the scrambling.
        progress: told how far it is.

    Raises:
        OptionError: the network reads no texts, the text has no word, or scrambles is not positive.
        IndexRangeError: there is no such text.

    >>> net = torch.nn.Sequential(torch.nn.Embedding(4, 1), torch.nn.Flatten(), torch.nn.Linear(2, 2))
    >>> found = deciding(Specimen(net, torch.tensor([[1, 2]]), tokens=("<pad>", "so", "good", "bad")), 0)
    >>> found.words, found.exact, abs(found.remainder) < 1e-5
    (('so', 'good'), False, True)
    """
    if not 0 <= example < len(specimen):
        raise IndexRangeError(f"texts are numbered from 0 to {len(specimen) - 1}, got {example}")
    if scrambles < 1:
        raise OptionError(f"scrambles must be 1 or more, got {scrambles}")
    text = reading(specimen.of_examples([example]))
    if not text.real.any():
        raise OptionError(f"text {example} has no word, only padding")
    outputs = logits(specimen.model, text.specimen.inputs)
    # a single output, whose sign decides, has two classes
    decided = int(outputs[0].argmax()) if outputs.shape[1] > 1 else int(outputs[0, 0] > 0)
    number = class_number(specimen, decided if toward is None else toward)
    terms, offset, exact, detections = _terms(text, number, steps)
    places = text.real[0].nonzero().view(-1).cpu()
    random = [
        _terms(text.with_model(scrambled(specimen.model, seed + draw)), number, steps)[0][places].abs()
        for draw in followed(range(scrambles), "scrambled networks", progress)
    ]
    words = tuple(text.word(each) for each in text.specimen.inputs[0][places].tolist())
    return Reasons(
        class_name(specimen, number), words, places, terms[places],
        offset + float(terms.sum() - terms[places].sum()), float(margins(outputs, number)), exact,
        detections, torch.stack(random).quantile(0.95, dim=0),
    )  # fmt: skip


def _terms(text: Text, toward: int, steps: int) -> tuple[Tensor, float, bool, tuple[Detection, ...]]:
    build = pooled(text)
    if build is not None:
        terms, offset, detections = _exact(text, build, toward)
        return terms, offset, True, detections
    estimated, offset = integrated(text, toward, steps)
    return estimated[0], offset, False, ()


def _exact(text: Text, build: Pooled, toward: int) -> tuple[Tensor, float, tuple[Detection, ...]]:
    inputs, weights = text.specimen.inputs[:1].cpu().long(), build.weights(toward)
    embedded = text.vectors[inputs[0]]
    terms, offset = torch.zeros(inputs.shape[1]).double(), build.bias(toward)
    detections: list[Detection] = []
    for branch in build.branches:
        filters, places = branch.filters, branch.filters.places(inputs.shape[1])
        inside = (places != OUTSIDE).unsqueeze(2)
        windows = embedded[places.clamp(min=0)] * inside
        parts = torch.einsum("udw,pwd->upw", filters.weight, windows)
        bias = filters.module.bias
        added = torch.zeros(len(parts)).double() if bias is None else bias.detach().cpu().double()
        largest, chosen = (parts.sum(2) + added[:, None]).max(1)
        activation = branch.activate(largest)
        # of the weight × activation, what belongs to one unit of the weighted sum
        slope = weights[branch.columns] * torch.where(largest == 0, 0.0, activation / largest)
        mine, units = places[chosen], torch.arange(len(parts))
        shares = slope[:, None] * parts[units, chosen]
        terms.index_add_(0, mine.clamp(min=0).flatten(), shares.flatten())
        offset += float(slope @ added)
        adds = weights[branch.columns] * activation
        heard = filters.words(inputs)[0][chosen].tolist()
        detections += [
            Detection(filters.layer.name, unit, spoken(text, heard[unit]), int(mine[unit, 0]),
                      float(activation[unit]), float(adds[unit]))
            for unit in units.tolist() if adds[unit]
        ]  # fmt: skip
    detections.sort(key=lambda each: -abs(each.term))
    return terms, offset, tuple(detections)
