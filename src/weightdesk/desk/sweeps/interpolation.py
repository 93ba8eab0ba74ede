"""A curve through a few exact points, and what leaving one of them out says of its error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from jaxtyping import Float64
from torch import Tensor

_SECOND: Final = 0.15
_FEWEST: Final = 3


def apart(values: Float64[Tensor, " values"], present: float, count: int) -> list[int]:
    """Which values to compute exactly: each as far as can be from the present one and those before it.

    The largest product of distances makes points through which a polynomial stays close to what it goes
    through (Leja 1957, "Sur certaines suites liées aux ensembles plans").

    >>> apart(torch.linspace(-1, 1, 9, dtype=torch.float64), 0.0, 3)
    [0, 8, 2]
    """
    chosen: list[int] = []
    scale = float((values - present).abs().max()) or 1.0
    distance = (values - present).abs() / scale
    for _ in range(min(count, int((distance > 0).sum()))):
        chosen.append(int(distance.argmax()))
        distance = distance * (values - values[chosen[-1]]).abs() / scale
        if not float(distance.max()):
            break
    return chosen


def lagrange(
    points: Float64[Tensor, " points"], values: Float64[Tensor, " values"]
) -> Float64[Tensor, "values points"]:
    """What each point counts at each value in the polynomial through all points.

    >>> lagrange(torch.tensor([0.0, 1.0]).double(), torch.tensor([0.25]).double())
    tensor([[0.7500, 0.2500]], dtype=torch.float64)
    """
    count = len(points)
    own = torch.eye(count, dtype=torch.bool)
    between = torch.where(own, 1.0, points[:, None] - points).double()
    factors = (values[:, None, None] - points) / between
    return torch.where(own, 1.0, factors).prod(2)


def lagrange_slope(points: Float64[Tensor, " points"], place: int) -> Float64[Tensor, " points"]:
    """What each point counts in the slope of that polynomial at one of the points.

    >>> lagrange_slope(torch.tensor([0.0, 1.0]).double(), 0)
    tensor([-1.,  1.], dtype=torch.float64)
    """
    others = [each for each in range(len(points)) if each != place]
    at = points[place]
    found = torch.zeros(len(points), dtype=torch.float64)
    for each in others:
        rest = [other for other in others if other != each]
        found[each] = ((at - points[rest]) / (points[each] - points[rest])).prod() / (points[each] - at)
    found[place] = -found.sum()
    return found


def doubt(
    points: Float64[Tensor, " points"],
    known: Float64[Tensor, " points"],
    weigh: Callable[[Tensor], Float64[Tensor, "... points"]],
) -> Float64[Tensor, ...]:
    """By how much what the polynomial says changes, at most, if one of the points is left out.

    A curve may happen to go through its points as a simpler one does, so that leaving one out changes
    nothing, and still go its own way between them. So a share of what a second one changes is the least.

    Arguments:
        points: where the curve is known; the first one is never the second to be left out.
        known: what it is there.
        weigh: gives what each of some points counts in what is asked.

    >>> points = torch.tensor([0.0, 1.0, 2.0]).double()
    >>> doubt(points, points**2, lambda some: lagrange(some, torch.tensor([0.5]).double()))
    tensor([0.7500], dtype=torch.float64)
    """
    found = (weigh(points) * left_out(points, known)).abs().amax(-1)
    for each in range(1, len(points) if len(points) > _FEWEST else 1):
        rest = [other for other in range(len(points)) if other != each]
        second = (weigh(points[rest]) * left_out(points[rest], known[rest])).abs().amax(-1)
        found = torch.maximum(found, _SECOND * second)
    return found


def left_out(
    points: Float64[Tensor, " points"], known: Float64[Tensor, "points ..."]
) -> Float64[Tensor, "points ..."]:
    """What the polynomial through all other points misses at each point.

    >>> points = torch.tensor([0.0, 1.0, 2.0]).double()
    >>> left_out(points, points**2)
    tensor([ 2., -1.,  2.], dtype=torch.float64)
    """
    count = len(points)
    products = (points[:, None] - points).fill_diagonal_(1.0).prod(1)
    # What is missed is the highest divided difference, the same for all points, in the units of each.
    highest = torch.tensordot(1 / products, known, 1)
    missed: Tensor = products.reshape(count, *[1] * (known.ndim - 1)) * highest
    return missed
