"""How generic or specific each layer is: one score of what probes, transfer and re-initialisation say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float64
from torch import Tensor, nn

from weightdesk.capture.baselines import scrambled
from weightdesk.capture.layers import layers_of
from weightdesk.capture.progress import Progress, part, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.probing import given, read
from weightdesk.capture.story.reinitialise import Reinitialisation, Reinitialised, reinitialise_layers
from weightdesk.capture.story.resampling import Estimate, bootstrap, spread
from weightdesk.capture.story.tables import bounded
from weightdesk.capture.story.transfer import STEPS, Right, Transfer, chance, transfer_layers
from weightdesk.explain.page import Page, Section, section

_RESAMPLED: Final = 500

Resampled = Float64[Tensor, " resamples"]
"""A number for all judged examples, then for each resample of them."""


@dataclass(frozen=True, eq=False)
class Specificity:
    """How much a layer serves the task alone: each from 0 to 1, with its 95 % interval.

    Attributes:
        layer: its name.
        score: the mean of `read`, `lost` and `needed`; 0 is generic, 1 specific.
        read: the task's share of what probes read from the layer: t / (t + g), where t is the accuracy
            on the task, g the mean of those on the other properties, both as shares of the way from
            the most frequent class to all right.
        lost: of what is reached on the other properties from scratch, beyond the most frequent class,
            the share that is lost when all layers up to this one are frozen.
        needed: of what the network reaches on the task, beyond the most frequent class, the share that
            is lost when this layer is put back.
        read_scrambled: `read`, where the network's weights lie at random places.
        lost_untrained: `lost`, where the frozen layers know nothing.
    """

    layer: str
    score: Estimate
    read: Estimate
    lost: Estimate
    needed: Estimate
    read_scrambled: Estimate
    lost_untrained: Estimate


@dataclass(frozen=True, eq=False)
class GenericSpecific(Page):
    """The generic–specific score of each layer, and two of the tests that it is made of.

    Attributes:
        layers: layer by layer.
        reinitialisation: the test with layers put back, on the judged examples.
        transfer: the test with frozen layers.
    """

    layers: tuple[Specificity, ...]
    reinitialisation: Reinitialisation
    transfer: Transfer

    @property
    def title(self) -> str:
        """The most generic and the most specific layer."""
        order = sorted(self.layers, key=lambda each: each.score.value)
        return f"from generic to specific: {', '.join(each.layer for each in order)}"

    def sections(self) -> list[Section]:
        """The scores with what they are made of, then the tests."""
        numbers = {
            "generic–specific": [each.score for each in self.layers],
            "read": [each.read for each in self.layers],
            "lost": [each.lost for each in self.layers],
            "needed": [each.needed for each in self.layers],
            "read, scrambled": [each.read_scrambled for each in self.layers],
            "lost, untrained": [each.lost_untrained for each in self.layers],
        }
        note = (
            "mean of read, lost and needed, from 0, generic, to 1, specific; read: the task's share of what "
            "probes read; lost: of other tasks, with layers up to this one frozen; needed: of the task, with "
            "this layer put back; 95 % intervals over the judged examples"
        )
        names = {"layer": [each.layer for each in self.layers]}
        scores = section("generic–specific", names | bounded(numbers), bars=["generic–specific"], note=note)
        return [scores, *self.transfer.sections(), *self.reinitialisation.sections()]


def generic_specific(
    specimen: Specimen,
    *,
    untrained: nn.Module | None = None,
    steps: int = STEPS,
    seed: int = 0,
    progress: Progress = silent,
) -> GenericSpecific:
    """Score how generic or specific each layer is; `Specificity` has the formula.

    Intervals are of other examples to judge by (bootstrap, the same resamples in all tests); the networks
    and what is learned from stay the same.

    Arguments:
        specimen: a classifier with properties, or with inputs of which some can be measured.
        untrained: the network at step 0; None: fresh weights and scrambled ones stand for it.
        steps: of each retraining in the transfer test.
        seed: of all that is drawn.
        progress: told how far the three tests are.

    Raises:
        OptionError: nothing is classified, nothing else is known of the examples, or they are too few.

    Sources: those of `probe_layers`, `transfer_layers` and `reinitialise_layers`.

    >>> from weightdesk.properties import Property
    >>> x = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    >>> above = Property("above", (x[:, 1] > 0).long(), ("no", "yes"))
    >>> net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> specimen = Specimen(net, x, (x[:, 0] > 0).long(), ("left", "right"), (above,))
    >>> [each.layer for each in generic_specific(specimen, steps=10).layers]
    ['0', '2']
    """
    transfer = transfer_layers(
        specimen, untrained=untrained, steps=steps, seed=seed, progress=part(progress, 0.0, 0.7)
    )
    judged = specimen.of_examples(transfer.asked.judged)
    put_back = reinitialise_layers(judged, untrained=untrained, seed=seed, progress=part(progress, 0.7, 0.8))
    scoring = Scoring(transfer, put_back, seed)
    layers, asked = layers_of(specimen.model, specimen.inputs), transfer.asked
    probes = [
        read(given(specimen.with_model(model), layers), asked, seed=seed, progress=part(progress, *share))
        for model, share in (
            (specimen.model, (0.8, 0.9)),
            (scrambled(specimen.model, seed), (0.9, 1.0)),
        )
    ]
    rights = [
        [{one.name: found[layer.name, one.name][0] for one in asked.all} for found in probes]
        for layer in layers
    ]
    return GenericSpecific(
        tuple(scoring.layer(place, *both) for place, both in enumerate(rights)), put_back, transfer
    )


class Scoring:
    """Scores on the same resamples of the judged examples.

    Arguments:
        transfer: the test with frozen layers.
        put_back: the test with layers put back, on the judged examples.
        seed: of the resamples.
    """

    def __init__(self, transfer: Transfer, put_back: Reinitialisation, seed: int) -> None:
        self._transfer, self._put_back, self._task = transfer, put_back, transfer.asked.task.name
        self._chances = {one.name: chance(one, transfer.asked.learned) for one in transfer.asked.all}
        count = len(transfer.asked.judged)
        whole = torch.ones(1, count, dtype=torch.float64)
        self._weights = torch.cat([whole, bootstrap(count, _RESAMPLED, seed)])

    def layer(self, place: int, probes: Right, scrambled_probes: Right) -> Specificity:
        """The score of the layer at a place, and what it is made of.

        Arguments:
            place: counted from 0.
            probes: whether probes of the layer are right about the task and each property.
            scrambled_probes: the same of the scrambled network.
        """
        frozen = self._transfer.layers[place]
        read, lost = self._read(probes), self._lost(frozen.trained)
        needed = self._needed(self._put_back.layers[place])
        numbers = (
            (read + lost + needed) / 3, read, lost, needed, self._read(scrambled_probes),
            self._lost(frozen.untrained),
        )  # fmt: skip
        return Specificity(frozen.layer, *map(_estimate, numbers))

    def _read(self, right: Right) -> Resampled:
        task = self._above(self._task, right[self._task])
        others = self._mean(right, (name for name in right if name != self._task))
        return _share(task, task + others)

    def _lost(self, right: Right) -> Resampled:
        scratch = self._mean(self._transfer.scratch, right)
        return _share(scratch - self._mean(right, right), scratch)

    def _needed(self, put_back: Reinitialised) -> Resampled:
        known = put_back.right_step_0
        before = self._above(self._task, self._put_back.right_before)
        after = self._above(self._task, put_back.right_fresh if known is None else known)
        return _share(before - after, before)

    def _mean(self, right: Right, names: Iterable[str]) -> Resampled:
        return torch.stack([self._above(name, right[name]) for name in names]).mean(0)

    def _above(self, name: str, right: Float64[Tensor, " judged"]) -> Resampled:
        """The share of the way from the most frequent class to all right; at least 0."""
        told = (~right.isnan()).double()
        found = (self._weights @ right.nan_to_num(0.0)) / (self._weights @ told)
        return ((found - self._chances[name]) / (1 - self._chances[name])).clamp(min=0)


def _estimate(share: Resampled) -> Estimate:
    """With an interval that holds the share, also one at 0 or 1, and goes no further than a share can."""
    found = spread(float(share[0]), share[1:])
    low, high = min(found.low, found.value), max(found.high, found.value)
    return Estimate(found.value, max(0.0, low), min(1.0, high))


def _share(part_of: Resampled, whole: Resampled) -> Resampled:
    """From 0 to 1; 0 where there is nothing to have a share of."""
    return torch.where(whole > 0, part_of / whole, 0.0).clamp(0, 1)
