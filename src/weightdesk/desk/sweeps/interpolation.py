"""A curve through a few exact points, and what leaving one of them out says of its error.

By NumPy, in which such small arrays take a fifth of the time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from jaxtyping import Float64
from numpy.typing import NDArray
from torch import Tensor

_SECOND: Final = 0.15
_FEWEST: Final = 3
_QUIETLY: Final = np.errstate(all="ignore")  # points as near as 1e-300 give infinities, as in torch


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


@_QUIETLY
def lagrange(
    points: Float64[Tensor, "*several points"], values: Float64[Tensor, " values"]
) -> Float64[Tensor, "*several values points"]:
    """What each point counts at each value in the polynomial through all points.

    >>> lagrange(torch.tensor([0.0, 1.0]).double(), torch.tensor([0.25]).double())
    tensor([[0.7500, 0.2500]], dtype=torch.float64)
    """
    at, known = values.numpy(), points.numpy()
    factors = (at[:, None, None] - known[..., None, None, :]) / _apart(points)[..., None, :, :]
    _diagonal(factors)[...] = 1.0
    return torch.from_numpy(factors.prod(-1))


@_QUIETLY
def lagrange_slope(
    points: Float64[Tensor, "*several points"], place: int
) -> Float64[Tensor, "*several points"]:
    """What each point counts in the slope of that polynomial at one of the points.

    >>> lagrange_slope(torch.tensor([0.0, 1.0]).double(), 0)
    tensor([-1.,  1.], dtype=torch.float64)
    """
    between = _apart(points)
    products = between.prod(-1)
    found = products[..., [place]] / products / between[..., place, :]
    found[..., place] = 0.0
    found[..., place] = -found.sum(-1)
    return torch.from_numpy(found)


@_QUIETLY
def doubt(
    points: Float64[Tensor, " points"],
    known: Float64[Tensor, "points curves"],
    weigh: Callable[[Tensor], Tensor],
) -> Float64[Tensor, "*asked curves"]:
    """By how much what the polynomial says changes, at most, if one of the points is left out.

    A curve may happen to go through its points as a simpler one does, so that leaving one out changes
    nothing, and still go its own way between them. So a share of what a second one changes is the least.

    Arguments:
        points: where the curve is known; the first one is never the second to be left out.
        known: what it is there, of one curve or several.
        weigh: gives what each of some points counts in what is asked, for several sets of points at once.

    >>> points = torch.tensor([0.0, 1.0, 2.0]).double()
    >>> doubt(points, points[:, None] ** 2, lambda some: lagrange(some, torch.tensor([0.5]).double()))
    tensor([[0.7500]], dtype=torch.float64)
    """
    found, count = _changed(points[None], known[None], weigh)[0], len(points)
    if count > _FEWEST:
        rests = torch.tensor([[other for other in range(count) if other != each] for each in range(1, count)])
        second = _changed(points[rests], known[rests], weigh).max(0)
        found = np.maximum(found, _SECOND * second)
    return torch.from_numpy(found)


def _changed(points: Tensor, known: Tensor, weigh: Callable[[Tensor], Tensor]) -> NDArray[np.float64]:
    """The most that leaving out one point changes, for several sets of points."""
    counts, missed = weigh(points).numpy(), left_out(points, known).numpy()
    asked = [1] * (counts.ndim - 2)
    missed = missed.reshape(len(points), *asked, *missed.shape[1:])
    found: NDArray[np.float64] = np.abs(counts[..., None] * missed).max(-2)
    return found


@_QUIETLY
def left_out(
    points: Float64[Tensor, "*several points"], known: Float64[Tensor, "*several points curves"]
) -> Float64[Tensor, "*several points curves"]:
    """What the polynomial through all other points misses at each point.

    >>> points = torch.tensor([0.0, 1.0, 2.0]).double()
    >>> left_out(points, points[:, None] ** 2)[:, 0]
    tensor([ 2., -1.,  2.], dtype=torch.float64)
    """
    products = _apart(points).prod(-1)[..., None]
    # What is missed is the highest divided difference, the same for all points, in the units of each.
    return torch.from_numpy(products * (known.numpy() / products).sum(-2, keepdims=True))


def _apart(points: Tensor) -> NDArray[np.float64]:
    """How far each point lies from each other one; 1 from itself."""
    known = points.numpy()
    between: NDArray[np.float64] = known[..., :, None] - known[..., None, :]
    _diagonal(between)[...] = 1.0
    return between


def _diagonal(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """A view of the diagonals of the last two axes."""
    found: NDArray[np.float64] = np.einsum("...ii->...i", matrices)
    return found
