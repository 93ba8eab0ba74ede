"""The class that a unit tells from the others, and how well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.capture.activations import mean_over_places, passes
from weightdesk.capture.baselines import baselines
from weightdesk.capture.examples.ranks import areas, interval, midranks
from weightdesk.capture.layers import Layer
from weightdesk.capture.progress import Progress, followed, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section

_LEVEL: Final = 0.95


@dataclass(frozen=True, eq=False)
class Selective:
    """How selective each unit of one network is.

    Attributes:
        index: (mean of the class with the largest mean − mean of the others' means) / their sum, from 0
            to 1; not a number where activations are not of one sign, or all 0.
        best: the class that the unit tells best from the rest.
        area: the area under the ROC curve for it; ½ says nothing.
        low: lower end of the 95 % interval of the area.
        high: upper end.
        chance: area of the best class that 95 % of permutations of the labels stay below.
        p: share of the permutations, with this one, whose best area is as large.
    """

    index: Float64[Tensor, " units"]
    best: Int64[Tensor, " units"]
    area: Float64[Tensor, " units"]
    low: Float64[Tensor, " units"]
    high: Float64[Tensor, " units"]
    chance: Float64[Tensor, " units"]
    p: Float64[Tensor, " units"]

    @property
    def above_chance(self) -> float:
        """Share of the units whose area is above that of 95 % of the permutations; 0.05 by chance."""
        return float((self.area > self.chance).double().mean())


@dataclass(frozen=True, eq=False)
class Selectivity(Page):
    """How selective the units of a layer are for classes, and those of networks that know nothing.

    Attributes:
        layer: the layer.
        class_names: a name for each class.
        networks: by the words for it, what was found in each network; `this network` is the first.
        permutations: how often the labels were permuted.
    """

    layer: Layer
    class_names: tuple[str, ...]
    networks: dict[str, Selective]
    permutations: int

    @property
    def units(self) -> Selective:
        """What was found in the network itself."""
        return self.networks["this network"]

    @property
    def title(self) -> str:
        """How many units are selective, beside the scrambled network."""
        own, other = (
            f"{self.networks[each].above_chance:.0%}" for each in ("this network", "scrambled weights")
        )
        return (
            f"{own} of the units of {self.layer.name} tell a class better than chance, {other} when scrambled"
        )

    def sections(self) -> list[Section]:
        """The units, the most selective first, and the networks beside each other."""
        found = self.units
        order = found.area.argsort(descending=True, stable=True)
        columns = {
            "unit": order.tolist(),
            "class": [self.class_names[each] for each in found.best[order].tolist()],
            "AUC": found.area[order].tolist(),
            "from": found.low[order].tolist(),
            "to": found.high[order].tolist(),
            "chance": found.chance[order].tolist(),
            "p": found.p[order].tolist(),
            "selectivity": found.index[order].tolist(),
        }
        note = (
            "AUC of the class that the unit tells best, with its 95 % interval; chance: of the best class, "
            f"95 % of {self.permutations} permutations of the labels stay below"
        )
        return [section("units", columns, bars=["AUC"], note=note), self._beside()]

    def _beside(self) -> Section:
        networks = self.networks.values()
        columns = {
            "network": list(self.networks),
            "mean AUC": [float(each.area.mean()) for each in networks],
            "share above chance": [each.above_chance for each in networks],
            "mean selectivity": [float(each.index.nanmean()) for each in networks],
        }
        return section("beside networks that know nothing", columns, bars=["share above chance"])


def selectivity(
    specimen: Specimen,
    layer: Layer,
    *,
    untrained: nn.Module | None = None,
    permutations: int = 200,
    seed: int = 0,
    progress: Progress = silent,
) -> Selectivity:
    """Measure how selective each unit of a layer is for a class: of its mean activation over places.

    Arguments:
        specimen: the network, examples and their classes.
        layer: as `layers_of` finds it.
        untrained: the network at step 0, to stand beside it.
        permutations: of the labels, for what chance gives.
        seed: of the permutations and of the scrambled weights.
        progress: told how far it is.

    Raises:
        OptionError: the examples are not of two classes or more, or there is no permutation.

    Source: Morcos et al. 2018, On the importance of single directions for generalization.

    >>> from weightdesk.capture.layers import layers_of
    >>> net, inputs = nn.Sequential(nn.Linear(2, 2), nn.ReLU()), torch.eye(2).repeat(20, 1)
    >>> _ = net[0].weight.data.copy_(torch.eye(2)), net[0].bias.data.zero_()
    >>> specimen = Specimen(net, inputs, torch.arange(40) % 2, ("left", "right"))
    >>> found = selectivity(specimen, layers_of(net, inputs)[0]).units
    >>> found.index.tolist(), found.best.tolist(), found.area.tolist()
    ([1.0, 1.0], [0, 1], [1.0, 1.0])
    """
    labels = specimen.labels
    if labels is None or len(found := sorted(set(labels.tolist()))) < 2:
        raise OptionError("selectivity needs examples of two classes or more")
    if permutations < 1:
        raise OptionError(f"permutations must be 1 or more, got {permutations}")
    present = torch.tensor(found)
    ranked = torch.searchsorted(present, labels.cpu())
    models = baselines(specimen.model, seed, untrained)
    networks = {
        name: _selective(_means(specimen.with_model(models[name]), layer), ranked, permutations, seed)
        for name in followed(models, f"selectivity of {layer.name}", progress)
    }
    for each in networks.values():
        each.best.copy_(present[each.best])
    names = specimen.class_names or tuple(str(each) for each in range(int(present.max()) + 1))
    return Selectivity(layer, names, networks, permutations)


def _means(specimen: Specimen, layer: Layer) -> Float64[Tensor, "examples units"]:
    """The mean activation over places of each unit in each example."""
    heard = passes(specimen.model, specimen.inputs, [layer])
    return torch.cat([mean_over_places(each[layer.name].double()).cpu() for each in heard])


def _selective(
    values: Float64[Tensor, "examples units"], labels: Int64[Tensor, " examples"], count: int, seed: int
) -> Selective:
    ranks, members = midranks(values), functional.one_hot(labels).double()
    area, best = areas(ranks, members).max(0)
    generator = torch.Generator().manual_seed(seed)
    orders = (torch.randperm(len(labels), generator=generator) for _ in range(count))
    null = areas(ranks, torch.stack([members[order] for order in orders])).amax(1)
    ends = [interval(values[:, unit], (labels == each).long()) for unit, each in enumerate(best.tolist())]
    low, high = torch.tensor(ends, dtype=torch.float64).T
    p = ((null >= area).sum(0) + 1).double() / (count + 1)
    return Selective(
        selectivity_index(values, members), best, area, low, high, null.quantile(_LEVEL, dim=0), p
    )


def selectivity_index(
    values: Float[Tensor, "examples units"], members: Float[Tensor, "examples classes"]
) -> Float[Tensor, " units"]:
    """The index of Morcos et al. of activations that are not negative.

    >>> selectivity_index(torch.tensor([[3.0], [1.0]]), torch.eye(2))
    tensor([0.5000])
    """
    means = (members.T @ values) / members.sum(0)[:, None]
    largest = means.amax(0)
    others = (means.sum(0) - largest) / (len(means) - 1)
    fits = (values >= 0).all(0)
    return ((largest - others) / (largest + others)).where(fits, torch.nan)
