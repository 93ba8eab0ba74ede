"""The lowest point of a curve of which some points are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.desk.sweeps.interpolation import lagrange

_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Lowest:
    """Where a curve is lowest, between its points, too.

    Attributes:
        value: of the weight.
        loss: there; between points it is what a curve through those near by says.
        error: of that loss: what the next point would change in it, and what the losses themselves are off.
        gain: by how much it is lower than the present loss.
        between: whether it lies between the points, so that it is an estimate.
    """

    value: float
    loss: float
    error: float
    gain: float
    between: bool

    def __str__(self) -> str:
        about = f" ± {self.error:.2g}" if self.error > _ROUNDING * abs(self.gain) else ""
        return f"lowest at {self.value:.4g}: {self.loss:.6g}{about}, {self.gain:.2g} lower than now"


def lowest(
    values: Float64[Tensor, " values"],
    losses: Float64[Tensor, " values"],
    errors: Float64[Tensor, " values"],
    present: tuple[float, float],
) -> Lowest | None:
    """The lowest point; None where no loss is a finite number.

    Arguments:
        values: of the weight, in any order.
        losses: at each of them.
        errors: of these.
        present: the present value and loss.

    >>> values = torch.linspace(-1, 3, 5, dtype=torch.float64)
    >>> print(lowest(values, (values - 1.25) ** 2, torch.zeros(5).double(), (0.0, 1.5625)))
    lowest at 1.25: 0, 1.6 lower than now
    """
    values, losses, errors = _curve(values, losses, errors, present)
    if not len(values):
        return None
    at = int(losses.argmin())
    found = _between(values, losses, at)
    if found is None:
        value, loss, error = float(values[at]), float(losses[at]), float(errors[at])
    else:
        value, loss, missed = found
        error = missed + float(errors[max(at - 1, 0) : at + 2].max())
    return Lowest(value, loss, error, present[1] - loss, found is not None)


def lowest_point(losses: Float64[Tensor, "first second"]) -> tuple[int, int] | None:
    """Row and column of the lowest loss; None where none is a finite number.

    >>> lowest_point(torch.tensor([[torch.nan, 2.0], [1.0, 3.0]]).double())
    (1, 0)
    """
    finite = losses.isfinite()
    if not bool(finite.any()):
        return None
    return divmod(int(torch.where(finite, losses, torch.inf).argmin()), losses.shape[1])


def _curve(
    values: Tensor, losses: Tensor, errors: Tensor, present: tuple[float, float]
) -> tuple[Tensor, ...]:
    """Finite points with the present one, sorted, each value once."""
    more = torch.tensor([*present, 0.0], dtype=torch.float64)
    points = torch.stack(
        [torch.cat([each, one[None]]) for each, one in zip((values, losses, errors), more, strict=True)]
    )
    points = points[:, points.isfinite().all(0)]
    points = points[:, points[0].argsort(stable=True)]
    if points.shape[1]:
        kept = torch.cat([torch.ones(1, dtype=torch.bool), points[0].diff() > 0])
        points = points[:, kept]
    return tuple(points)


def _between(values: Tensor, losses: Tensor, at: int) -> tuple[float, float, float] | None:
    """The bottom of the parabola through a point and its neighbours; None at an end or on a straight line."""
    if not 0 < at < len(values) - 1:
        return None
    three = slice(at - 1, at + 2)
    (left, middle, right), known = values[three].tolist(), losses[three]
    rise, fall = float(known[2] - known[1]) / (right - middle), float(known[1] - known[0]) / (middle - left)
    bend = (rise - fall) / (right - left)
    if not bend > 0:
        return None
    bottom = min(max((left + middle) / 2 - fall / (2 * bend), left), right)
    place = torch.tensor([bottom], dtype=torch.float64)
    loss = float(lagrange(values[three], place)[0] @ known)
    wider = slice(max(at - 2, 0), at + 3)
    again = float(lagrange(values[wider], place)[0] @ losses[wider])
    return bottom, loss, abs(again - loss)
