"""The strongest circuits of a network: chains of units by what is in use, each checked by muting."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final

import torch
from torch import nn

from weightdesk.capture.baselines import baselines
from weightdesk.capture.circuits.chains import Chain, strongest_chains
from weightdesk.capture.circuits.muting import fall
from weightdesk.capture.circuits.origins import Origin, Wiring, wiring
from weightdesk.capture.circuits.usage import Usage, usage
from weightdesk.capture.examples.extremes import Extremes
from weightdesk.capture.examples.strongest import extremes
from weightdesk.capture.layers import Layer, layers_of
from weightdesk.capture.progress import Progress, part, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section

_OTHERS: Final = 16


@dataclass(frozen=True)
class Circuit:
    """A chain of three units, and what muting says about it.

    Attributes:
        units: the first, the second and the third.
        strength: product of the shares in use along the chain.
        signs: of what the first adds to the second on average, and the second to the third.
        falls: by what share the second's activation falls at its strongest examples without the first,
            the third's without the second, and the third's without the first; measured by running again.
        others: how much the third's changes, in absolute value, without another unit of the first's
            layer: the median.
        rank_share: share of these units, with this one, without which it changes as much.
    """

    units: tuple[Origin, Origin, Origin]
    strength: float
    signs: tuple[int, int]
    falls: tuple[float, float, float]
    others: float
    rank_share: float

    @property
    def name(self) -> str:
        """The chain in words."""
        return " → ".join(f"{each.layer} {each.unit}" for each in self.units)


@dataclass(frozen=True, eq=False)
class StrongestCircuits(Page):
    """The strongest chains of three units, beside those of networks that know nothing.

    Attributes:
        networks: by the words for it, the circuits of each network; `this network` is the first.
        examples: at how many strongest examples of a unit it is looked at.
    """

    networks: dict[str, tuple[Circuit, ...]]
    examples: int

    @property
    def circuits(self) -> tuple[Circuit, ...]:
        """Those of the network itself, the strongest first."""
        return self.networks["this network"]

    @property
    def title(self) -> str:
        """The strongest of them."""
        return f"the strongest circuit: {self.circuits[0].name}"

    def sections(self) -> list[Section]:
        """The circuits, and the networks beside each other."""
        found = self.circuits
        columns = {
            "circuit": [each.name for each in found],
            "strength": [each.strength for each in found],
            "signs": [" ".join("−+"[sign > 0] for sign in each.signs) for each in found],
            "last falls without the first": [each.falls[2] for each in found],
            "without another": [each.others for each in found],
            "as much without": [each.rank_share for each in found],
            "second falls without the first": [each.falls[0] for each in found],
            "last falls without the second": [each.falls[1] for each in found],
        }
        note = (
            "strength: share of mean |w × a| that the first has of the second, times the second of "
            f"the last; falls: share of the activation lost at the {self.examples} strongest examples of the "
            "unit when the earlier one gives 0, run again; without another: median over others of the layer "
            "of the first; as much without: share of them that matter as much"
        )
        bars = ["strength", "last falls without the first"]
        return [section("circuits", columns, bars=bars, note=note), self._beside()]

    def _beside(self) -> Section:
        networks = self.networks.values()
        columns = {
            "network": list(self.networks),
            "mean strength": [fmean(each.strength for each in found) for found in networks],
            "last changes without the first, mean": [
                _mean(abs(each.falls[2]) for each in found) for found in networks
            ],
            "without another, mean": [_mean(each.others for each in found) for found in networks],
        }
        return section("beside networks that know nothing", columns, bars=["mean strength"])


def _mean(values: Iterable[float]) -> float:
    known = [each for each in values if not math.isnan(each)]
    return fmean(known) if known else math.nan


def strongest_circuits(
    specimen: Specimen,
    count: int = 10,
    *,
    examples: int = 16,
    untrained: nn.Module | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> StrongestCircuits:
    """Find the strongest chains unit → unit → unit of a network, and check each by muting.

    The strength of a chain is the product of its links'; that of a link is the share that the earlier
    unit has of what the later one is given: its mean |w × a| over the sum of all feeders'. Whether the
    last unit needs the first is then measured: the network is run again without it.

    Arguments:
        specimen: the network and the examples.
        count: circuits to give.
        examples: the strongest ones of a unit, at which its fall is measured.
        untrained: the network at step 0, to stand beside it.
        seed: of the scrambled weights and of the other units that are muted.
        progress: told how far it is.

    Raises:
        OptionError: no three layers feed each other, or a number is not positive.

    >>> _ = torch.manual_seed(0)
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> found = strongest_circuits(Specimen(net, torch.rand(20, 2)), count=2)
    >>> [len(circuit.units) for circuit in found.circuits]
    [3, 3]
    """
    if min(count, examples) < 1:
        raise OptionError(f"count and examples must be 1 or more, got {count} and {examples}")
    layers = layers_of(specimen.model, specimen.inputs)
    wirings = wiring(specimen.model, specimen.inputs, layers)
    models = baselines(specimen.model, seed, untrained)
    networks = {}
    for number, (name, model) in enumerate(models.items()):
        along = part(progress, number / len(models), (number + 1) / len(models))
        search = _Search(specimen.with_model(model), layers, wirings, examples, seed)
        networks[name] = search.circuits(count, along)
    return StrongestCircuits(networks, examples)


class _Search:
    """Looks for the circuits of one network."""

    def __init__(
        self,
        specimen: Specimen,
        layers: Sequence[Layer],
        wirings: dict[str, Wiring],
        examples: int,
        seed: int,
    ) -> None:
        self._specimen, self._wirings, self._examples, self._seed = specimen, wirings, examples, seed
        self._layers = {each.name: each for each in layers}
        self._strongest: dict[str, Extremes] = {}

    def circuits(self, count: int, progress: Progress) -> tuple[Circuit, ...]:
        used = {}
        for number, name in enumerate(self._wirings):
            along = part(progress, number / len(self._wirings), (number + 1) / len(self._wirings))
            used[name] = usage(self._specimen, self._layers[name], self._wirings, progress=along)
        shares = {name: each.share for name, each in used.items()}
        chains = strongest_chains(shares, self._wirings, count)
        if not chains:
            raise OptionError("a circuit needs three layers of which each feeds the next")
        return tuple(self._checked(chain, used) for chain in chains)

    def _checked(self, chain: Chain, used: dict[str, Usage]) -> Circuit:
        first, second, third = chain.units
        own = self._fall(first, third)
        others = [abs(self._fall(each, third)) for each in self._beside(first)]
        as_much = sum(each >= abs(own) for each in others) + 1
        signs = tuple(
            int(math.copysign(1, float(used[str(later.layer)].mean[later.unit or 0, link])))
            for later, link in zip((second, third), chain.links, strict=True)
        )
        return Circuit(
            chain.units,
            chain.strength,
            (signs[0], signs[1]),
            (self._fall(first, second), self._fall(second, third), own),
            median(others) if others else math.nan,
            as_much / (len(others) + 1),
        )

    def _beside(self, unit: Origin) -> list[Origin]:
        """Other units of its layer, all or a fixed random choice."""
        units = self._layers[str(unit.layer)].units
        order = torch.randperm(units, generator=torch.Generator().manual_seed(self._seed)).tolist()
        return [Origin(unit.layer, each) for each in order if each != unit.unit][:_OTHERS]

    def _fall(self, earlier: Origin, later: Origin) -> float:
        """The share of a unit's activation at its strongest examples that is lost without an earlier one."""
        layer = self._layers[str(later.layer)]
        if layer.name not in self._strongest:
            self._strongest[layer.name] = extremes(self._specimen, layer, self._examples)[0]
        model, inputs = self._specimen.model, self._specimen.inputs
        muted = (self._layers[str(earlier.layer)], earlier.unit or 0)
        return fall(model, inputs, muted, (layer, later.unit or 0), self._strongest[layer.name])
