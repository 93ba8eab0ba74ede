"""The units that feed one unit: how strongly by their weights, and how strongly in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float64
from torch import Tensor, nn

from weightdesk.capture.baselines import baselines
from weightdesk.capture.circuits.origins import Origin, Wiring, wiring
from weightdesk.capture.circuits.parts import entries, parts_of
from weightdesk.capture.circuits.usage import Usage, usage
from weightdesk.capture.examples.extremes import peaks
from weightdesk.capture.layers import Layer, layers_of
from weightdesk.capture.progress import Progress, part, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.explain.page import Page, Section, section

_COMPARED: Final = 32


@dataclass(frozen=True)
class Feeder:
    """What feeds a unit.

    Attributes:
        name: the earlier unit in words.
        origins: the earlier units; several where they are added up before, none where that is unknown.
        weight: sum of |w| over its weights.
        size: mean over all examples and places of |what it adds to z|.
        mean: mean of what it adds, with its sign.
        strongest: mean of what it adds at the unit's strongest examples, at the place where it is strongest.
        explained: its part of the variance of z; not a number for a constant unit.
    """

    name: str
    origins: tuple[Origin, ...]
    weight: float
    size: float
    mean: float
    strongest: float
    explained: float


@dataclass(frozen=True, eq=False)
class Feeding(Page):
    """What feeds a unit, the strongest in use first: z = the parts of the feeders + bias.

    Attributes:
        layer: the unit's layer.
        unit: its number.
        feeders: all of them.
        bias: what is added.
        z: mean of z over all examples and places.
        z_strongest: mean of z at the strongest examples.
        examples: the strongest examples, the strongest first.
        remainder: the largest |parts + bias − z| that was met, from rounding.
        top_share: by network, for each unit looked at the share of the summed sizes that the strongest
            feeder has; `this network` holds this unit alone, the others some units of the layer.
    """

    layer: Layer
    unit: int
    feeders: tuple[Feeder, ...]
    bias: float
    z: float
    z_strongest: float
    examples: tuple[int, ...]
    remainder: float
    top_share: dict[str, Float64[Tensor, " units"]]

    @property
    def title(self) -> str:
        """Which unit, and what feeds it most."""
        return f"{self.layer.name} {self.unit} is fed most by {self.feeders[0].name}"

    @property
    def by_weight(self) -> tuple[Feeder, ...]:
        """The same feeders, the largest weights first."""
        return tuple(sorted(self.feeders, key=lambda each: -each.weight))

    def sections(self) -> list[Section]:
        """The feeders in use, and how much the first has beside networks that know nothing."""
        ranks = {each.name: rank for rank, each in enumerate(self.by_weight, start=1)}
        columns = {
            "feeder": [each.name for each in self.feeders],
            "in use": [each.size for each in self.feeders],
            "mean": [each.mean for each in self.feeders],
            "at the strongest examples": [each.strongest for each in self.feeders],
            "of the variance": [each.explained for each in self.feeders],
            "sum of |w|": [each.weight for each in self.feeders],
            "rank by weights": [ranks[each.name] for each in self.feeders],
        }
        note = (
            f"in use: mean of |w × a|; the means and the bias {self.bias:+.4g} add up to the mean z "
            f"{self.z:+.4g}, at the strongest examples to {self.z_strongest:+.4g}; largest difference "
            f"by rounding {self.remainder:.2g}"
        )
        bars = ["in use", "at the strongest examples", "sum of |w|"]
        return [section("feeders", columns, bars=bars, note=note), self._beside()]

    def _beside(self) -> Section:
        shares = self.top_share.values()
        columns = {
            "network": list(self.top_share),
            "units": [len(each) for each in shares],
            "share of the strongest feeder, median": [float(each.median()) for each in shares],
            "95 %": [float(each.quantile(0.95)) for each in shares],
        }
        return section("beside networks that know nothing", columns)


def feeding(
    specimen: Specimen,
    layer: Layer,
    unit: int,
    *,
    examples: int = 9,
    untrained: nn.Module | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Feeding:
    """Find which earlier units feed a unit, with what sign and how strongly in use.

    What a feeder adds to z is weight × activation, summed over the places of the kernel, or over the
    features that come from the same unit, through pooling, flattening, normalisation and branches.

    Arguments:
        specimen: the network and the examples.
        layer: the unit's layer, as `layers_of` finds it.
        unit: its number.
        examples: how many strongest ones are looked at.
        untrained: the network at step 0, to stand beside it.
        seed: of the scrambled weights.
        progress: told how far it is.

    Raises:
        IndexRangeError: the layer has no such unit.
        OptionError: no units feed the layer, or examples is not positive.

    Source: Cammarata et al. 2020, Thread: Circuits; in use after Olah et al. 2018, The building blocks of
    interpretability.

    >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    >>> _ = net[0].weight.data.copy_(torch.eye(2)), net[0].bias.data.zero_()
    >>> _ = net[2].weight.data.copy_(torch.tensor([[1.0, -2.0]]))
    >>> rows = torch.tensor([[0.3, 0.4], [0.9, 0.6]])
    >>> [each.name for each in feeding(Specimen(net, rows), layers_of(net, rows)[1], 0).feeders]
    ['0 1', '0 0']
    """
    if not 0 <= unit < layer.units:
        raise IndexRangeError(f"{layer.name} has units 0 to {layer.units - 1}, got {unit}")
    if examples < 1:
        raise OptionError(f"examples must be 1 or more, got {examples}")
    wirings = wiring(specimen.model, specimen.inputs, layers_of(specimen.model, specimen.inputs))
    found = usage(specimen, layer, wirings, [unit], progress=part(progress, 0.0, 0.4))
    strongest, chosen, z = _at_strongest(specimen, layer, wirings, unit, examples)
    others = dict(list(baselines(specimen.model, seed, untrained).items())[1:])
    top_share = {"this network": found.share.amax(1)}
    compared = range(0, layer.units, -(-layer.units // _COMPARED))
    for number, (name, model) in enumerate(others.items()):
        along = part(progress, 0.4 + 0.6 * number / len(others), 0.4 + 0.6 * (number + 1) / len(others))
        beside = usage(specimen.with_model(model), layer, wirings, compared, progress=along)
        top_share[name] = beside.share.amax(1)
    parts = parts_of(specimen.model, layer, wirings)
    feeders = _feeders(parts.wiring, found, parts.weight(unit), strongest)
    return Feeding(
        layer, unit, feeders, parts.bias(unit), float(found.z), z, tuple(chosen), found.remainder, top_share
    )


def _feeders(
    behind: Wiring, found: Usage, weights: Tensor, strongest: Float64[Tensor, " feeders"]
) -> tuple[Feeder, ...]:
    columns = (found.size[0], found.mean[0], strongest, found.explained[0])
    feeders = [
        Feeder(
            behind.name(number), origins, float(weights[number]), *(float(each[number]) for each in columns)
        )
        for number, origins in enumerate(behind.feeders)
    ]
    return tuple(sorted(feeders, key=lambda each: -each.size))


def _at_strongest(
    specimen: Specimen, layer: Layer, wirings: dict[str, Wiring], unit: int, count: int
) -> tuple[Float64[Tensor, " feeders"], Sequence[int], float]:
    """What the feeders add on average where the unit is strongest, in which examples, and z there."""
    z = torch.cat([each.z[:, [unit]] for each in entries(specimen.model, specimen.inputs, layer)])
    found = peaks(z, first=0).largest(count)
    examples, places = found.examples[0], found.places[0]
    parts = parts_of(specimen.model, layer, wirings)
    x = torch.cat([each.x for each in entries(specimen.model, specimen.inputs[examples], layer)])
    there = parts.of([unit], x)[torch.arange(len(x)), 0, :, places].double()
    return there.mean(0).cpu(), examples.tolist(), float(found.values.double().mean())
