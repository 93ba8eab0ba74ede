"""What comes back to one number of a station's result from all that uses it, as columns."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final

import torch
from jaxtyping import Float64, Int64
from torch import Tensor
from torch.autograd import grad

from weightdesk.explain.gradients.backward import Backward
from weightdesk.explain.gradients.jacobian import column
from weightdesk.explain.precision import rounding

LOSS: Final = -1
"""In the place of a station's number."""


@dataclass(frozen=True, eq=False)
class Returned:
    """The parts of one δ: product = jacobian × delta.

    Attributes:
        follower: number of the station that sends it back; `LOSS` for the loss.
        position: row-major place in that station's result; -1 for the loss, and for a station that
            torch cannot differentiate twice: its product is then that of all its result.
        jacobian: how the number there answers; NaN for such a station.
        slope: φ', where a single activation lies between; NaN elsewhere.
        delta: ∂L/∂z' there; 1 for the loss, NaN for such a station.
        product: jacobian × delta.
    """

    follower: Int64[Tensor, " parts"]
    position: Int64[Tensor, " parts"]
    jacobian: Float64[Tensor, " parts"]
    slope: Float64[Tensor, " parts"]
    delta: Float64[Tensor, " parts"]
    product: Float64[Tensor, " parts"]

    def take(self, chosen: Int64[Tensor, " chosen"]) -> Returned:
        """Some of the parts."""
        return Returned(*(getattr(self, each.name)[chosen] for each in fields(self)))

    def rows(self) -> Iterator[tuple[int, int, float, float, float, float]]:
        """The parts one after the other, in the order of the attributes."""
        return zip(*(getattr(self, each.name).tolist() for each in fields(self)), strict=True)


def returned(backward: Backward, number: int, position: int) -> Returned:
    """What comes back to one number of a station's result.

    Arguments:
        backward: a pass sent back from the loss.
        number: the station.
        position: row-major place in its result.

    >>> from weightdesk.explain.gradients.backward import backpropagate
    >>> from weightdesk.explain.tracing import trace, untouched
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.ReLU(), torch.nn.Linear(1, 3))
    >>> with untouched(model):
    ...     passed = trace(model, torch.ones(1, 2), cut=True)
    ...     back = backpropagate(passed, passed.outputs.sum())
    >>> found = returned(back, 0, 0)
    >>> bool(found.product.sum() == back.delta(0)[0, 0])
    True
    """
    followers = backward.followers[number]
    direct = backward.direct[number]
    ends = [] if direct is None else [direct.reshape(-1)[position].item()]
    ends = ends if ends or followers else [0.0]
    last = [_single(LOSS, value, 1.0, value) for value in ends]
    delta = backward.delta(number)
    try:
        found = _joined([_by_unit(backward, number, position, each) for each in followers] + last)
        wrong = abs(delta.reshape(-1)[position].item() - found.product.sum().item())
        if wrong <= rounding(found.product.abs().sum().item(), delta.dtype):
            return found
    except RuntimeError:  # no second derivative
        pass
    # An operation of the user's own may as well send back a second derivative that is wrong.
    return _joined([_as_a_whole(backward, number, position, each) for each in followers] + last)


def _by_unit(backward: Backward, number: int, position: int, follower: int) -> tuple[Tensor, ...]:
    station, leaf = backward.stations[follower], backward.stations[number].leaf
    assert leaf is not None
    found = column(station, leaf, position)
    delta = backward.delta(follower).reshape(-1)[found.positions.to(station.result.device)].double().cpu()
    slope = torch.full_like(delta, math.nan if found.slope is None else found.slope)
    which = torch.full_like(found.positions, follower)
    return which, found.positions, found.values, slope, delta, found.values * delta


def _as_a_whole(backward: Backward, number: int, position: int, follower: int) -> tuple[Tensor, ...]:
    leaf = backward.stations[number].leaf
    assert leaf is not None
    (back,) = grad(backward.stations[follower].result, leaf, backward.delta(follower), retain_graph=True)
    return _single(follower, math.nan, math.nan, back.reshape(-1)[position].item())


def _joined(blocks: list[tuple[Tensor, ...]]) -> Returned:
    return Returned(*(torch.cat(each) for each in zip(*blocks, strict=True)))


def _single(follower: int, jacobian: float, delta: float, product: float) -> tuple[Tensor, ...]:
    values = torch.tensor([[jacobian], [math.nan], [delta], [product]], dtype=torch.float64)
    return torch.tensor([follower]), torch.tensor([-1]), *values
