"""The layers and units of one step beside those of the last step of a run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor, nn

from weightdesk.capture.layers import layers_of
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.asking import Question, question
from weightdesk.capture.story.probing import given, read
from weightdesk.capture.story.representation import INPUTS, centred, representations
from weightdesk.capture.story.resampling import halves
from weightdesk.capture.story.separability import class_separation, judged
from weightdesk.capture.story.similarity.cka import Cka

FEATURES: Final = 256
"""Numbers that are kept of a layer for each example: fewer than elsewhere, as there are many steps."""

SIMILARITY: Final = "CKA"
SEPARATION: Final = "separation"
UNITS: Final = "units"


class LastStep:
    """What other steps are compared with: on all examples, then on random halves of them.

    Arguments:
        specimen: the network at the last step, and the examples.
        resamples: how many halves.
        seed: of the halves, and of the examples that probes learn from.

    >>> net, inputs = nn.Linear(2, 2), torch.randn(20, 2)
    >>> LastStep(Specimen(net, inputs), 3, 0).reading(net)["CKA"].round(decimals=6).tolist()
    [[1.0, 1.0, 1.0, 1.0]]
    """

    def __init__(self, specimen: Specimen, resamples: int, seed: int) -> None:
        self.specimen, self.seed = specimen, seed
        self.layers = layers_of(specimen.model, specimen.inputs)
        drawn = halves(len(specimen), resamples, seed)
        self.samples: Bool[Tensor, "samples examples"] = torch.cat([torch.ones_like(drawn[:1]), drawn])

    def reading(self, model: nn.Module) -> Mapping[str, Tensor]:
        """The scores of a step.

        Returns:
            By the score's name one row a layer and one column a sample; under `units` each unit's
            correlation with itself at the last step, one row a sample.
        """
        now = self._features(model)
        found = {SIMILARITY: torch.stack([self._similarity(name, each) for name, each in now.items()])}
        labels = self.specimen.labels
        if labels is not None:
            found[SEPARATION] = torch.stack([self._separation(each, labels) for each in now.values()])
        units = [
            correlations(
                self._by_unit(each, layer.units),
                self._by_unit(self._last[layer.name], layer.units),
                self.samples.double(),
            )
            for layer, each in zip(self.layers, now.values(), strict=True)
        ]
        return found | self._probes(model) | {UNITS: torch.cat(units, 1)}

    @cached_property
    def _last(self) -> Mapping[str, Float64[Tensor, "examples features"]]:
        return self._features(self.specimen.model)

    @cached_property
    def _prepared(self) -> Mapping[str, list[Tensor]]:
        return {name: self._prepare(each) for name, each in self._last.items()}

    @cached_property
    def _asked(self) -> Question | None:
        classified = self.specimen.labels is not None and self.specimen.class_names
        return question(self.specimen, self.seed) if classified else None

    def _features(self, model: nn.Module) -> dict[str, Float64[Tensor, "examples features"]]:
        found = representations(model, self.specimen.inputs, self.layers, FEATURES)
        return {name: each for name, each in found.items() if name != INPUTS}

    def _prepare(self, features: Float64[Tensor, "examples features"]) -> list[Tensor]:
        return [Cka().prepared(features[each]) for each in self.samples]

    def _similarity(
        self, name: str, features: Float64[Tensor, "examples features"]
    ) -> Float64[Tensor, " samples"]:
        pairs = zip(self._prepare(features), self._prepared[name], strict=True)
        return torch.tensor([Cka().between(*pair) for pair in pairs], dtype=torch.float64)

    def _separation(
        self, features: Float64[Tensor, "examples features"], labels: Tensor
    ) -> Float64[Tensor, " samples"]:
        told, classes = judged(torch.cat([features, self.samples.T], 1), labels)
        size = features.shape[1]
        return class_separation(told[:, :size], classes, told[:, size:].T)

    def _by_unit(
        self, features: Float64[Tensor, "examples features"], units: int
    ) -> Float64[Tensor, "examples units cells"]:
        return centred(features).reshape(len(features), units, -1)

    def _probes(self, model: nn.Module) -> dict[str, Float64[Tensor, "layers samples"]]:
        """The accuracy of the same probes that `probe_layers` takes, over the judged examples of a sample."""
        if self._asked is None:
            return {}
        features = given(self.specimen.with_model(model), self.layers)
        right = read({each.name: features[each.name] for each in self.layers}, self._asked)
        counted = self.samples[:, self._asked.judged].double()
        return {
            f"probe: {one.name}": torch.stack(
                [_share(right[each.name, one.name][0], counted) for each in self.layers]
            )
            for one in self._asked.all
        }


def _share(
    right: Float64[Tensor, " judged"], counted: Float64[Tensor, "samples judged"]
) -> Float64[Tensor, " samples"]:
    told = ~right.isnan()
    return counted[:, told] @ right[told] / counted[:, told].sum(1)


def correlations(
    first: Float64[Tensor, "examples units cells"],
    second: Float64[Tensor, "examples units cells"],
    weights: Float[Tensor, "resamples examples"],
) -> Float64[Tensor, "resamples units"]:
    """The correlation of each unit with itself in another network, over the examples and its cells.

    Arguments:
        first: activations of the one network, about centred, as large means cost digits.
        second: those of the other.
        weights: how often each example counts.

    Returns:
        Not a number where a unit never varies.

    >>> once = torch.tensor([[[1.0]], [[2.0]], [[4.0]]]).double()
    >>> correlations(once, -once, torch.ones(1, 3).double()).round(decimals=9)
    tensor([[-1.]], dtype=torch.float64)
    """
    count = weights.sum(1, keepdim=True) * first.shape[2]

    def mean(values: Float64[Tensor, "examples units cells"]) -> Float64[Tensor, "resamples units"]:
        return weights @ values.sum(2) / count

    both = mean(first * second) - mean(first) * mean(second)
    own, other = (mean(each.square()) - mean(each).square() for each in (first, second))
    varies = (own > 0) & (other > 0)
    return torch.where(varies, both / (own * other).sqrt(), torch.nan).clamp(-1, 1)
