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
from weightdesk.capture.text.edits import with_and_without
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
    """What a negator does to a word, over all texts that use the word.

    Attributes:
        word: such as `good`.
        negator: such as `not`.
        toward: the class whose margin is looked at.
        examples: the texts that use the word.
        together: in how many of them it is behind the negator; in the others the negator is put in.
        effect: of the word on the margin.
        units: the same for each unit, those that the negator turns most first.
        scrambled: what the negator turns on the margin in scrambled networks.
    """

    word: str
    negator: str
    toward: str
    examples: tuple[int, ...]
    together: int
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
        note = (
            f"{len(self.examples)} texts, run again without the word, without the negator and without both; "
            f"{self.together} have both, in the others the negator is put in"
        )
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
    """Measure what a word does alone and right behind a negator, in all texts that use the word.

    Exact: each text is run again with both words, without the word, without the negator, and without both;
    the negator is put in where it is not, and what is taken out leaves no gap. With m(n, w) the
    margin, alone is m(0, 1) − m(0, 0), negated m(1, 1) − m(1, 0).

    Arguments:
        specimen: a network that reads texts, with padding.
        word: the second of both.
        negator: the first.
        toward: a class by number or name; the last one if not given.
        scrambles: scrambled networks by which chance is judged.
        seed: of the scrambling.
        progress: told how far it is.

    Raises:
        OptionError: the network reads no texts or does not know a word, no text uses it and has room for
            the negator, nothing is padding, or scrambles is not positive.

    >>> net = nn.Sequential(nn.Embedding(4, 2, padding_idx=0), nn.AdaptiveAvgPool2d((1, 2)), nn.Flatten())
    >>> texts = torch.tensor([[1, 2, 3, 0], [1, 2, 0, 0]])
    >>> found = negation(Specimen(net, texts, tokens=("<pad>", "not", "good", "film")), "good", "not")
    >>> found.examples, abs(found.effect.turned.value) < 1e-6
    ((0, 1), True)
    """
    if scrambles < 1:
        raise OptionError(f"scrambles must be 1 or more, got {scrambles}")
    text, number = reading(specimen), class_number(specimen, toward)
    pair = text.number(negator), text.number(word)
    examples, states = _contexts(text, pair)

    def margin_of(model: nn.Module) -> Effect:
        return _effect(lambda inputs: margins(logits(model, inputs), number), states)

    whole = margin_of(specimen.model)
    random = [
        margin_of(scrambled(specimen.model, seed + draw)).turned.value
        for draw in followed(range(scrambles), "scrambled networks", progress)
    ]
    together = sum(
        torch.equal(states[0][place], specimen.inputs[each]) for place, each in enumerate(examples)
    )
    units = sorted(_units(text, states, number), key=lambda each: -abs(each.effect.turned.value))
    return Negation(
        word, negator, class_name(specimen, number), tuple(examples), together, whole, tuple(units),
        by_chance(random),
    )  # fmt: skip


def _contexts(text: Text, pair: tuple[int, int]) -> tuple[list[int], list[Tensor]]:
    """The texts that use the second word, and they with both words, the first, the second, and none."""
    names, inputs = [text.word(each) for each in pair], text.specimen.inputs.cpu().long()
    if text.padding is None:
        raise OptionError(f"nothing is padding, so {names[1]!r} cannot be taken out of a text")
    using = (inputs == pair[1]).any(1).nonzero().view(-1).tolist()
    tried = {each: with_and_without(inputs[each], pair, text.padding) for each in using}
    spelled = {each: rows for each, rows in tried.items() if rows is not None}
    if not spelled:
        raise OptionError(f"no text uses {names[1]!r} and has room for {names[0]!r}")
    return list(spelled), list(torch.stack(list(spelled.values()), 1).to(text.specimen.inputs))


def _effect(measure: Callable[[Tensor], Tensor], states: list[Int64[Tensor, "texts places"]]) -> Effect:
    """Of the four states: with both words, the negator, the word, and none."""
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
