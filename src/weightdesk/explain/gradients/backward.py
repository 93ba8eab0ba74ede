"""Backpropagation by hand, from the loss back to one station of the forward pass.

The stations are cut off from each other (see `tracing.py`), so that δ = ∂L/∂z of each is a sum over
the stations that use its result, each of which takes one step of the chain rule. No gradient of a
parameter is computed, and nothing before the station that is asked for.

Source: Rumelhart, Hinton and Williams 1986, Learning representations by back-propagating errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from weightdesk.explain.tracing import Station, Trace


@dataclass(frozen=True, eq=False)
class Backward:
    """What the loss sends back to the stations.

    Attributes:
        stations: all of the forward pass, in the order in which they ran.
        loss: the loss, in the graph of what follows the last stations.
        deltas: ∂L/∂z of each station from the first one asked for on; None where z does not matter.
        direct: the part of it that does not pass through another station.
        followers: the numbers of the stations that use each one's result.
    """

    stations: tuple[Station, ...]
    loss: Float[Tensor, ""]
    deltas: tuple[Tensor | None, ...]
    direct: tuple[Tensor | None, ...]
    followers: tuple[tuple[int, ...], ...]

    def delta(self, number: int) -> Tensor:
        """∂L/∂z of a station, in the shape of z; zeros where the loss does not depend on it."""
        found = self.deltas[number]
        return torch.zeros_like(self.stations[number].result) if found is None else found


def backpropagate(trace: Trace, loss: Float[Tensor, ""], first: int = 0) -> Backward:
    """Send the loss back to every station from the first one asked for on.

    Arguments:
        trace: a forward pass whose stations were cut off.
        loss: computed from its outputs.
        first: number of the earliest station of interest.

    >>> from weightdesk.explain.tracing import trace, untouched
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.Linear(1, 1, bias=False))
    >>> with untouched(model):
    ...     passed = trace(model, torch.ones(1, 2), cut=True)
    ...     back = backpropagate(passed, passed.outputs.sum())
    >>> bool(back.delta(0) == model[1].weight)
    True
    """
    stations = trace.stations
    leaves = [station.leaf for station in stations]
    followers: list[list[int]] = [[] for _ in stations]
    deltas: list[Tensor | None] = [*([None] * first), *_gradients(loss, leaves[first:], None)]
    direct = tuple(deltas)
    for number in range(len(stations) - 1, first, -1):
        delta = deltas[number]
        if delta is None:
            continue
        parts = _gradients(stations[number].result, leaves[first:number], delta)
        for before, part in enumerate(parts, first):
            if part is not None:
                followers[before].append(number)
                known = deltas[before]
                deltas[before] = part if known is None else known + part
    return Backward(stations, loss, tuple(deltas), direct, tuple(map(tuple, followers)))


def _gradients(result: Tensor, leaves: Sequence[Tensor | None], delta: Tensor | None) -> list[Tensor | None]:
    if not leaves or not result.requires_grad:
        return [None] * len(leaves)
    # The graph is kept: the levels of the tree are opened later, one at a time.
    return list(torch.autograd.grad(result, leaves, delta, retain_graph=True, allow_unused=True))  # type: ignore[arg-type]
