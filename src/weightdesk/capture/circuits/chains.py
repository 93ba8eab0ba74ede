"""The strongest chains from a unit through a second to a third."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float64
from torch import Tensor

from weightdesk.capture.circuits.origins import Origin, Wiring

Shares = Mapping[str, Float64[Tensor, "units feeders"]]
"""By the layer's name, the share that each feeder has of what its units are given."""


@dataclass(frozen=True)
class Chain:
    """Three units, each of which feeds the next.

    Attributes:
        units: the first, the second and the third.
        strength: the share of the second's input that is the first's, times the share of the third's
            input that is the second's.
        links: the number of the feeder in the second's layer, and in the third's.
    """

    units: tuple[Origin, Origin, Origin]
    strength: float
    links: tuple[int, int]


def strongest_chains(shares: Shares, wirings: Mapping[str, Wiring], count: int) -> list[Chain]:
    """Find the strongest chains of a network, the strongest first.

    Where a feeder is the sum of several units, as in a residual network, its share counts for each of
    them. Of chains between the same feeders, each is listed.

    >>> wirings = {
    ...     "b": Wiring(((Origin("a", 0),), (Origin("a", 1),)), torch.arange(2)),
    ...     "c": Wiring(((Origin("b", 0),),), torch.arange(1)),
    ... }
    >>> shares = {"b": torch.tensor([[0.25, 0.75]]).double(), "c": torch.tensor([[1.0]]).double()}
    >>> [(chain.units[0].unit, chain.strength) for chain in strongest_chains(shares, wirings, 2)]
    [(1, 0.75), (0, 0.25)]
    """
    found = [
        chain
        for layer, given in shares.items()
        for unit in range(len(given))
        for chain in _into(Origin(layer, unit), shares, wirings, count)
    ]
    return sorted(found, key=lambda each: -each.strength)[:count]


def _into(third: Origin, shares: Shares, wirings: Mapping[str, Wiring], count: int) -> list[Chain]:
    """The strongest chains that end in a unit."""
    given = shares[_layer(third)][third.unit]
    chains = []
    for link, second in _units(wirings[_layer(third)], shares):
        before = wirings[_layer(second)]
        strengths = float(given[link]) * shares[_layer(second)][second.unit]
        order = strengths.argsort(descending=True, stable=True).tolist()
        firsts = ((feeder, origin) for feeder in order for origin in before.feeders[feeder])
        plain = ((feeder, origin) for feeder, origin in firsts if origin.unit is not None)
        for (feeder, first), _ in zip(plain, range(count), strict=False):
            chains.append(Chain((first, second, third), float(strengths[feeder]), (feeder, link)))
    return sorted(chains, key=lambda each: -each.strength)[:count]


def _units(behind: Wiring, shares: Shares) -> list[tuple[int, Origin]]:
    """The units that feed a layer and are themselves fed by units, with the numbers of the feeders."""
    return [
        (feeder, origin)
        for feeder, origins in enumerate(behind.feeders)
        for origin in origins
        if origin.unit is not None and origin.layer in shares
    ]


def _layer(origin: Origin) -> str:
    assert origin.layer is not None, "only the inputs are of no layer"
    return origin.layer
