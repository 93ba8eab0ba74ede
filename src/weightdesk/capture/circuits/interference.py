"""Superposition: more features than dimensions, so that units share directions and disturb each other."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.capture.baselines import baselines
from weightdesk.capture.circuits.origins import Wiring, wiring
from weightdesk.capture.circuits.usage import usage
from weightdesk.capture.layers import Layer, layers_of
from weightdesk.capture.progress import Progress, part, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section


@dataclass(frozen=True, eq=False)
class Overlaps:
    """How the weight vectors of a layer's units lie to each other, and what that does in use.

    Attributes:
        overlap: sum of the squared cosines of a unit's weights with those of all others; 0 where it is
            orthogonal to all of them; not a number where its weights are all 0.
        rest: share of the variance of the unit's z that is not explained by its strongest feeders.
    """

    overlap: Float64[Tensor, " units"]
    rest: Float64[Tensor, " units"]

    @property
    def dimensionality(self) -> Float64[Tensor, " units"]:
        """The part of a dimension that a unit has for itself: 1 / (1 + overlap)."""
        return 1 / (1 + self.overlap)

    @property
    def features_per_dimension(self) -> float:
        """Units over the dimensions that they fill evenly: 1 + the mean overlap; 1 where orthogonal."""
        return 1 + float(self.overlap.nanmean())


@dataclass(frozen=True, eq=False)
class Interference(Page):
    """How far the units of a layer are in superposition, beside networks that know nothing.

    Attributes:
        layer: the layer.
        dimensions: weights that lead to a unit.
        feeders: how many strongest feeders of a unit are left out of `rest`.
        networks: by the words for it, what was found in each network; `this network` is the first, and
            `random directions` has normal numbers for the weights of this layer.
    """

    layer: Layer
    dimensions: int
    feeders: int
    networks: dict[str, Overlaps]

    @property
    def units(self) -> Overlaps:
        """What was found in the network itself."""
        return self.networks["this network"]

    @property
    def title(self) -> str:
        """Features per dimension, beside random directions."""
        own, other = (
            f"{self.networks[each].features_per_dimension:.3g}"
            for each in ("this network", "random directions")
        )
        return f"{self.layer.name} holds {own} features a dimension, random directions {other}"

    def sections(self) -> list[Section]:
        """The units, those that overlap most first, and the networks beside each other."""
        found = self.units
        order = found.overlap.nan_to_num(-1.0).argsort(descending=True, stable=True)
        columns = {
            "unit": order.tolist(),
            "overlap": found.overlap[order].tolist(),
            "dimensionality": found.dimensionality[order].tolist(),
            "rest of the variance": found.rest[order].tolist(),
        }
        note = (
            "overlap: sum of the squared cosines with the weights of all other units; rest: share of the "
            f"variance of z that its {self.feeders} strongest feeders do not explain"
        )
        bars = ["overlap", "rest of the variance"]
        return [section("units", columns, bars=bars, note=note), self._beside()]

    def _beside(self) -> Section:
        networks = self.networks.values()
        columns = {
            "network": list(self.networks),
            "features a dimension": [each.features_per_dimension for each in networks],
            "mean dimensionality": [float(each.dimensionality.nanmean()) for each in networks],
            "mean rest of the variance": [float(each.rest.nanmean()) for each in networks],
        }
        expected = 1 + (self.layer.units - 1) / self.dimensions
        note = (
            f"{self.layer.units} random directions in {self.dimensions} dimensions: {expected:.4g} expected"
        )
        return section("beside networks that know nothing", columns, note=note)


def interference(
    specimen: Specimen,
    layer: Layer,
    feeders: int = 3,
    *,
    untrained: nn.Module | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Interference:
    """Measure how far the units of a layer share directions, and how much that disturbs them in use.

    Of n unit vectors that lie evenly in m < n dimensions each has the overlap n/m − 1, and n/m features
    come to a dimension. In use: the share of a unit's variance that comes from inputs other than its
    strongest feeders, those with the largest mean |w × a|.

    Arguments:
        specimen: the network and the examples.
        layer: as `layers_of` finds it.
        feeders: strongest feeders of a unit that count as what it listens to.
        untrained: the network at step 0, to stand beside it.
        seed: of the scrambled weights and the random directions.
        progress: told how far it is.

    Raises:
        OptionError: no units feed the layer, or feeders is not positive.

    Source: Elhage et al. 2022, Toy models of superposition.

    >>> net, rows = nn.Linear(2, 4), torch.randn(50, 2)
    >>> _ = net.weight.data.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -2.0]]))
    >>> interference(Specimen(net, rows), layers_of(net, rows)[0]).units.features_per_dimension
    2.0
    """
    if feeders < 1:
        raise OptionError(f"feeders must be 1 or more, got {feeders}")
    wirings = wiring(specimen.model, specimen.inputs, layers_of(specimen.model, specimen.inputs))
    models = baselines(specimen.model, seed, untrained)
    models["random directions"] = _random(specimen.model, layer, seed)
    networks = {}
    for number, (name, model) in enumerate(models.items()):
        along = part(progress, number / len(models), (number + 1) / len(models))
        rest = _rest(specimen.with_model(model), layer, wirings, feeders, along)
        networks[name] = Overlaps(overlaps(_weight(model, layer).detach().flatten(1)), rest)
    return Interference(layer, _weight(specimen.model, layer)[0].numel(), feeders, networks)


def overlaps(weights: Float[Tensor, "units dimensions"]) -> Float64[Tensor, " units"]:
    """For each row the sum of its squared cosines with all others; not a number for a row of zeros.

    >>> overlaps(torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]])).tolist()
    [1.0, 1.0, 0.0]
    """
    rows = functional.normalize(weights.double(), dim=1)
    cosines = (rows @ rows.T).fill_diagonal_(0)
    return cosines.square().sum(1).where(rows.any(1), torch.nan).cpu()


def _rest(
    specimen: Specimen, layer: Layer, wirings: dict[str, Wiring], feeders: int, progress: Progress
) -> Float64[Tensor, " units"]:
    found = usage(specimen, layer, wirings, progress=progress)
    strongest = found.size.argsort(dim=1, descending=True, stable=True)[:, :feeders]
    return 1 - found.explained.gather(1, strongest).sum(1)


def _weight(model: nn.Module, layer: Layer) -> Tensor:
    return model.get_parameter(f"{layer.name}.weight".lstrip("."))


def _random(model: nn.Module, layer: Layer, seed: int) -> nn.Module:
    """The network with random weights of the same size in the layer."""
    copied = copy.deepcopy(model)
    weight = _weight(copied, layer)
    drawn = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        weight.copy_(drawn * weight.square().mean().sqrt().cpu())
    return copied
