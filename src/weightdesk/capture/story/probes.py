"""Linear probes: what can be read from a layer by a weighted sum."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxtyping import Float64
from torch import Tensor, nn

from weightdesk.capture.baselines import baselines
from weightdesk.capture.layers import layers_of
from weightdesk.capture.progress import Progress, part, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.asking import question
from weightdesk.capture.story.probing import FEATURES, given, read
from weightdesk.capture.story.representation import INPUTS
from weightdesk.capture.story.resampling import Estimate, accuracy
from weightdesk.capture.story.tables import bounded
from weightdesk.explain.page import Page, Section, section
from weightdesk.properties import Property


@dataclass(frozen=True, eq=False)
class Probe:
    """How well one thing can be read from one layer, on examples that the probe has not learned from.

    Attributes:
        layer: its name; `inputs` for what the network is given.
        asked: what is read.
        accuracy: share of the judged examples, with Wilson's interval.
        chance: the mean accuracy of probes that learned permuted labels, and the range of all of them.
        scrambled: the accuracy where the network's weights lie at random places; None for the inputs.
        step_0: the accuracy where they are those of step 0; None for the inputs, or where not known.
        right: whether each judged example is right, as 0 or 1; not a number where it cannot be told.
        right_scrambled: the same of the scrambled network.
    """

    layer: str
    asked: Property
    accuracy: Estimate
    chance: Estimate
    scrambled: Estimate | None
    step_0: Estimate | None
    right: Float64[Tensor, " judged"]
    right_scrambled: Float64[Tensor, " judged"] | None


@dataclass(frozen=True, eq=False)
class LayerProbes(Page):
    """All probes of a network.

    Attributes:
        probes: layer by layer from the inputs on, the task first in each.
        learned: how many examples they learned from.
        judged: how many they were judged by.
        permuted: how many times labels were permuted.
    """

    probes: tuple[Probe, ...]
    learned: int
    judged: int
    permuted: int

    @property
    def title(self) -> str:
        """Where the task can be read best."""
        task = self.probes[0].asked.name
        best = max(self.of(task), key=lambda each: each.accuracy.value)
        score = f"{best.accuracy.value:.1%} right"
        return f"what can be read from each layer: the {task} best from {best.layer}, {score}"

    def of(self, asked: str) -> tuple[Probe, ...]:
        """The probes of one property, by its name, from the inputs on."""
        return tuple(each for each in self.probes if each.asked.name == asked)

    def peak(self, asked: str) -> str:
        """The first layer from which a property can be read as well as from any: its interval holds the best.

        A later layer that is better by less than what other examples would change is no peak of its own.
        Of a property that no judged example decides no layer is named: the text is empty.
        """
        probes = [each for each in self.of(asked) if not math.isnan(each.accuracy.value)]
        best = max((each.accuracy.value for each in probes), default=math.nan)
        return next((each.layer for each in probes if each.accuracy.high >= best), "")

    def peak_of_level(self, level: int) -> str:
        """The layer from which the properties planted at a level are read best on average."""
        planted = [self.of(each.name) for each in self._asked() if each.level == level]
        means = [sum(each.accuracy.value for each in row) / len(row) for row in zip(*planted, strict=True)]
        return planted[0][means.index(max(means))].layer

    def sections(self) -> list[Section]:
        """All probes, and where each property peaks."""
        columns = {
            "layer": [each.layer for each in self.probes],
            "property": [each.asked.name for each in self.probes],
        }
        numbers: dict[str, list[Estimate | None]] = {
            "accuracy": [each.accuracy for each in self.probes],
            "chance": [each.chance for each in self.probes],
            "scrambled": [each.scrambled for each in self.probes],
            "step 0": [each.step_0 for each in self.probes],
        }
        known = {name: found for name, found in numbers.items() if any(found)}
        note = (
            f"accuracy of linear probes on {self.judged} examples after learning from {self.learned} others, "
            f"with 95 % intervals; chance: mean and range of {self.permuted} permutations of the labels"
        )
        return [
            section("probes", columns | bounded(known), bars=["accuracy"], note=note),
            self._peaks(),
        ]

    def _asked(self) -> list[Property]:
        return list(dict.fromkeys(each.asked for each in self.probes))

    def _peaks(self) -> Section:
        asked = self._asked()
        columns = {
            "property": [each.name for each in asked],
            "planted level": [each.level for each in asked],
            "peak": [self.peak(each.name) for each in asked],
        }
        return section("peaks", columns, note="the first layer whose interval holds the best accuracy")


def probe_layers(
    specimen: Specimen,
    *,
    untrained: nn.Module | None = None,
    permuted: int = 19,
    features: int = FEATURES,
    seed: int = 0,
    progress: Progress = silent,
) -> LayerProbes:
    """Read the task and each property from every layer by multinomial logistic regression.

    Each layer is averaged over the finest grid of places that leaves at most `features` numbers. Probes
    learn from 70 % of the examples and are judged by the rest, the same for all layers and networks.

    Arguments:
        specimen: a classifier; its properties, or those that can be measured, are read, too.
        untrained: the network at step 0; None where that is not known.
        permuted: how many times labels are permuted to see what a probe reaches by chance.
        features: the most numbers of a layer that a probe is given; of token numbers as inputs, how often
            so many of the most frequent tokens occur.
        seed: of the dealing, the permutations and the scrambled weights.
        progress: told after each layer of each network.

    Raises:
        OptionError: nothing is classified, or there are too few examples.

    Sources: Alain and Bengio 2017, "Understanding intermediate layers using linear classifier probes";
    Hewitt and Liang 2019, "Designing and interpreting probes with control tasks".

    >>> x = torch.randn(300, 2, generator=torch.Generator().manual_seed(0))
    >>> found = probe_layers(Specimen(nn.Linear(2, 2), x, (x[:, 0] > 0).long(), ("left", "right")))
    >>> found.of("task")[0].accuracy.value > found.of("task")[0].chance.high
    True
    """
    asked, layers = question(specimen, seed), layers_of(specimen.model, specimen.inputs)
    models = list(baselines(specimen.model, seed, untrained).values())
    trained, *untaught = (
        read(
            given(specimen.with_model(model), layers, features),
            asked,
            0 if place else permuted,
            seed,
            part(progress, place / len(models), (place + 1) / len(models)),
        )
        for place, model in enumerate(models)
    )
    probes = tuple(
        _probe(layer, one, found, [each[layer, one.name][0] for each in untaught if layer != INPUTS])
        for layer in dict.fromkeys(layer for layer, _ in trained)
        for one in asked.all
        for found in (trained[layer, one.name],)
    )
    return LayerProbes(probes, len(asked.learned), len(asked.judged), permuted)


def _probe(
    layer: str,
    one: Property,
    found: Float64[Tensor, "labellings judged"],
    untaught: list[Float64[Tensor, " judged"]],
) -> Probe:
    chances = found[1:].nanmean(1)
    scores = [accuracy(each) for each in untaught]
    return Probe(
        layer,
        one,
        accuracy(found[0]),
        Estimate(float(chances.mean()), float(chances.amin()), float(chances.amax())),
        scores[0] if scores else None,
        scores[1] if len(scores) > 1 else None,
        found[0],
        untaught[0] if untaught else None,
    )
