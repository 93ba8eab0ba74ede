"""What happens to a word behind another one, such as to "good" in "not good"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from weightdesk.capture.activations import activations
from weightdesk.capture.baselines import scrambled
from weightdesk.capture.layers import Layer, layers_of
from weightdesk.capture.progress import Progress, followed, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.resampling import Estimate
from weightdesk.capture.text.edits import without
from weightdesk.capture.text.estimate import by_chance, columns_of, mean_estimate
from weightdesk.capture.text.margin import class_name, class_number, logits, margins
from weightdesk.capture.text.pooled import pooled
from weightdesk.capture.text.reading import Text, reading
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section


@dataclass(frozen=True)
class Effect:
    """What a word does to a number alone, and behind the negator.

    Attributes:
        alone: the change when the word is put in, where the negator is not.
        negated: the same where it is.
        turned: the second minus the first: what the negator does to the word.
    """

    alone: Estimate
    negated: Estimate
    turned: Estimate


@dataclass(frozen=True)
class UnitEffect:
    """What happens in one unit.

    Attributes:
        layer: of the unit.
        unit: its number.
        effect: on its activation, the largest over the text in convolutions, the mean elsewhere.
        push: what the turn adds to the margin, output weight × turned; None where the last layer reads
            more than the units.
    """

    layer: str
    unit: int
    effect: Effect
    push: float | None


@dataclass(frozen=True, eq=False)
class Negation(Page):
    """What a negator does to a word, over all texts with both.

    Attributes:
        word: such as `good`.
        negator: such as `not`.
        toward: the class whose margin is looked at.
        examples: the texts with the word behind the negator.
        effect: of the word on the margin.
        units: the same for each unit, those that the negator turns most first.
        scrambled: what the negator turns on the margin in scrambled networks.
    """

    word: str
    negator: str
    toward: str
    examples: tuple[int, ...]
    effect: Effect
    units: tuple[UnitEffect, ...]
    scrambled: Estimate

    @property
    def title(self) -> str:
        """What becomes of the word."""
        return (
            f"{self.word!r} moves the margin toward {self.toward} by {self.effect.alone.value:+.3g} alone, "
            f"by {self.effect.negated.value:+.3g} in '{self.negator} {self.word}'"
        )

    def sections(self) -> list[Section]:
        """The prediction, then unit by unit."""
        whole = {"the word": ["alone", f"behind {self.negator!r}", "turned", "turned, scrambled weights"]}
        rows = [self.effect.alone, self.effect.negated, self.effect.turned, self.scrambled]
        units = {
            "layer": [each.layer for each in self.units],
            "unit": [each.unit for each in self.units],
            "alone": [each.effect.alone.value for each in self.units],
            "negated": [each.effect.negated.value for each in self.units],
            **columns_of("turned", [each.effect.turned for each in self.units]),
            "push": [each.push for each in self.units],
        }
        note = f"{len(self.examples)} texts, run again without the word, without the negator and without both"
        return [
            section("margin", {**whole, **columns_of("margin", rows)}, bars=["margin"], note=note),
            section("units", units, bars=["turned", "push"], note="changes of the activation"),
        ]  # fmt: skip


def negation(
    specimen: Specimen,
    word: str,
    negator: str,
    toward: int | str | None = None,
    *,
    scrambles: int = 20,
    seed: int = 0,
    progress: Progress = silent,
) -> Negation:
    """Measure what a word does alone and right behind a negator, in the texts where it is behind it.

    Exact: each text is run again without the word, without the negator, and without both; words that are
    taken out leave no gap. With m(n, w) the margin, alone is m(0, 1) − m(0, 0), negated m(1, 1) − m(1, 0).

    Arguments:
        specimen: a network that reads texts, with padding.
        word: the second of both.
        negator: the first.
        toward: a class by number or name; the last one if not given.
        scrambles: scrambled networks by which chance is judged.
        seed: of the scrambling.
        progress: told how far it is.

    Raises:
        OptionError: the network reads no texts or does not know a word, no text has both next to each
            other, nothing is padding, or scrambles is not positive.

    >>> net = nn.Sequential(nn.Embedding(4, 2, padding_idx=0), nn.AdaptiveAvgPool2d((1, 2)), nn.Flatten())
    >>> texts = torch.tensor([[1, 2, 3, 0], [1, 2, 0, 0]])
    >>> found = negation(Specimen(net, texts, tokens=("<pad>", "not", "good", "film")), "good", "not")
    >>> found.examples, abs(found.effect.turned.value) < 1e-6
    ((0, 1), True)
    """
    if scrambles < 1:
        raise OptionError(f"scrambles must be 1 or more, got {scrambles}")
    text, number = reading(specimen), class_number(specimen, toward)
    examples, places = _contexts(text, text.number(negator), text.number(word))
    if text.padding is None or not len(examples):
        lacking = "nothing is padding" if text.padding is None else f"no text has {negator!r} before {word!r}"
        raise OptionError(f"what {negator!r} does to {word!r} cannot be seen: {lacking}")
    texts = specimen.inputs[examples].cpu().long()
    pairs = torch.stack([places, places + 1], 1)
    taken = (pairs[:, :0], pairs[:, 1:], pairs[:, :1], pairs)
    states = [without(texts, each, text.padding).to(specimen.inputs) for each in taken]

    def margin_of(model: nn.Module) -> Effect:
        return _effect(lambda inputs: margins(logits(model, inputs), number), states)

    whole = margin_of(specimen.model)
    random = [
        margin_of(scrambled(specimen.model, seed + draw)).turned.value
        for draw in followed(range(scrambles), "scrambled networks", progress)
    ]
    units = sorted(_units(text, states, number), key=lambda each: -abs(each.effect.turned.value))
    return Negation(
        word, negator, class_name(specimen, number), tuple(examples.tolist()), whole, tuple(units),
        by_chance(random),
    )  # fmt: skip


def _contexts(text: Text, negator: int, word: int) -> tuple[Tensor, Tensor]:
    """The texts with both words next to each other, and where the first of them is, once a text."""
    inputs = text.specimen.inputs.cpu()
    both = (inputs[:, :-1] == negator) & (inputs[:, 1:] == word)
    examples = both.any(1).nonzero().view(-1)
    return examples, both[examples].int().argmax(1)


def _effect(measure: Callable[[Tensor], Tensor], states: list[Int64[Tensor, "texts places"]]) -> Effect:
    """Of the four states: as it is, without the word, without the negator, without both."""
    return _effect_of([measure(each).cpu().double() for each in states])


def _effect_of(values: list[Tensor]) -> Effect:
    whole, wordless, plain, empty = values
    alone, negated = plain - empty, whole - wordless
    return Effect(mean_estimate(alone), mean_estimate(negated), mean_estimate(negated - alone))


def _units(text: Text, states: list[Tensor], toward: int) -> list[UnitEffect]:
    model, build = text.specimen.model, pooled(text)
    # the last layer gives the outputs, of which the margin is made
    layers = [each for each in layers_of(model, states[0])[:-1] if each.name != text.module]
    branches = {} if build is None else {each.filters.layer.name: each for each in build.branches}
    found = []
    for layer in layers:
        branch, values = branches.get(layer.name), [_read(model, layer, each) for each in states]
        pushed = None
        if branch is not None and build is not None:
            values, pushed = (
                [branch.activated(each) for each in values],
                build.weights(toward)[branch.columns],
            )
        for unit in range(layer.units):
            effect = _effect_of([each[:, unit] for each in values])
            push = None if pushed is None else float(pushed[unit]) * effect.turned.value
            found.append(UnitEffect(layer.name, unit, effect, push))
    return found


def _read(model: nn.Module, layer: Layer, inputs: Tensor) -> Tensor:
    def over_places(values: Tensor) -> Tensor:
        return values.amax(2) if layer.kind == "Conv1d" else values.mean(2)

    return activations(model, inputs, [layer], over_places)[layer.name].cpu().double()
