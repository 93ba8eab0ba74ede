"""The loss along one weight from a few exact points, and where that is not enough, from some of the examples.

An exact loss takes a turn, so that many values take many turns. Here only a few values, far apart, get
one; there and at the present value it is known what each example adds. A polynomial through these points
says what an example adds in between, and is wrong by something: the mean of that over all examples is the
error of the curve. Where that mean is small, as it is of many smooth or bent pieces, the polynomial stays,
and its error is what it changes by if one of its points is left out. Where the mean is large beside the
spread, what is missed is computed at every value for some of the examples; their mean is added, and from
their spread follows the error: a difference estimator (Särndal, Swensson & Wretman 1992, "Model assisted
survey sampling", section 6.3). Which of the two it is, is seen at the exact points, each left out in turn.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.desk.sweeps.exactly import slope_along, together
from weightdesk.desk.sweeps.found import Found
from weightdesk.desk.sweeps.interpolation import apart, doubt, lagrange, lagrange_slope, left_out
from weightdesk.desk.sweeps.points import Points
from weightdesk.desk.sweeps.present import LOSS, Present
from weightdesk.desk.sweeps.sample import Sample, draw
from weightdesk.desk.sweeps.weight import Weight

_POINTS: Final = 0.6  # share of the turns for exact points
_SAMPLED: Final = 0.25  # share of what is left for the examples; their results at present take as long
_FEWEST: Final = 16
_NEAR: Final = 1e-3
_SEED: Final = 0
_ROUNDED: Final = 2.0
_SURE: Final = 2.0
_STEP: Final = 0.25
_STEEPER: Final = 1.5  # slopes of a polynomial are farther off than its values
_LOOKED_AT: Final = 1_000
_MATTERS: Final = 0.05


def levels(
    present: Present, weight: Weight, values: Float64[Tensor, " values"], turns: float, *, sloped: bool
) -> Found | None:
    """The loss at each value; None where that way does not lead there, or is no shorter.

    Arguments:
        present: the weights around which it is.
        weight: which one is given the values.
        values: finite ones, sorted, without the present one.
        turns: how long it may take, in turns.
        sloped: whether the slope is wanted.
    """
    count = max(1, int(turns * _POINTS))
    if count >= len(values):
        return None
    size = present.affordable(len(values) - count + 1, _SAMPLED * (turns - count))
    if size is None:
        return None
    if 2 * size >= present.count:
        return together(present, weight, values, sloped=sloped)
    near = sloped and present.count > present.rows
    points = Points.of(present, weight).more(
        present, weight, _chosen(present, weight, values, count, near=near)
    )
    if not points.finite:
        return None
    found = None
    if size >= _FEWEST and _spread_is_small(points, size):
        found = _sampled(present, weight, points, values, size, sloped=sloped)
    found = found or _alone(present, weight, points, values, sloped=sloped)
    return points.found(values, found)


def _chosen(present: Present, weight: Weight, values: Tensor, count: int, *, near: bool) -> Tensor:
    """Where to have exact points; if asked for, the last one so near that the slope follows from it."""
    now = weight.value(present.state)
    chosen = values[apart(values, now, count)]
    if not near or count < 2:
        return chosen
    ends = values[[0, -1]] - now
    beside = now + _STEP * ends[ends.abs().argmax()]
    rounded = beside.to(present.state.values[weight.parameter].dtype).double()
    return torch.cat([chosen[:-1], rounded[None]])


def _spread_is_small(points: Points, size: int) -> bool:
    """Whether some examples say more of what the polynomial misses than its points do, if it matters."""
    known, parts = points.numbers[LOSS], points.parts[LOSS]
    missed = left_out(points.values, parts[:, :: max(1, parts.shape[1] // _LOOKED_AT)])
    mean, spread = missed.mean(1).abs(), missed.std(1) / math.sqrt(size)
    return bool(mean.max() > _MATTERS * (known.max() - known.min())) and bool((_SURE * spread < mean).all())


def _alone(present: Present, weight: Weight, points: Points, values: Tensor, *, sloped: bool) -> Found:
    """The polynomial through the exact points."""

    def weigh(some: Tensor) -> Tensor:
        return lagrange(some, values)

    counts, known = weigh(points.values), torch.stack(list(points.numbers.values()), 1)
    found, doubts = counts @ known, doubt(points.values, known, weigh)
    numbers, errors = {}, {}
    for place, (name, each) in enumerate(points.numbers.items()):
        numbers[name] = found[:, place]
        errors[name] = doubts[:, place] + _rounding(present, weight, counts, each)
    tangent = None
    if sloped:
        few = present.count <= present.rows
        tangent = slope_along(present, weight) if few else _tangent(present, weight, points)
    note = (
        f"estimated from {len(points.values)} exact points; the error is what leaving out one of them changes"
    )
    return Found(values, numbers, errors, torch.zeros(len(values), dtype=torch.bool), tangent, (note,))


def _tangent(present: Present, weight: Weight, points: Points) -> tuple[float, float]:
    """The slope of the polynomial at present, and what leaving out one of its points changes in it."""
    known, counts = points.numbers[LOSS], lagrange_slope(points.values, 0)
    missed = doubt(points.values, known[:, None], lambda some: lagrange_slope(some, 0))
    return float(counts @ known), float(_STEEPER * missed[0] + _rounding(present, weight, counts, known))


def _sampled(
    present: Present, weight: Weight, points: Points, values: Tensor, size: int, *, sloped: bool
) -> Found | None:
    """The polynomial, and what it misses of some examples; None where these do not come out as in a turn."""
    moves = points.parts[LOSS] - points.parts[LOSS][0]
    sample = draw(moves.abs().amax(0), size, _SEED)
    stack = present.stack(weight, sample.examples)
    # The first exact point once more: the examples must say there what they said in the turn.
    amounts = present.amounts(stack, weight, sample.examples, torch.cat([values, points.values[1:2]]))
    if not _near(amounts[LOSS][-1], points.parts[LOSS][1, sample.examples]):
        return None
    counts, tangent = lagrange(points.values, values), None
    numbers, errors = {}, {}
    for name in points.parts:
        numbers[name], errors[name] = _estimated(
            present, weight, points, sample, name, counts, amounts[name][:-1]
        )
    if sloped:
        each = present.slopes(stack, {weight.parameter: weight.direction(present.state)}, sample.examples)
        counts = lagrange_slope(points.values, 0)
        mean, error = _estimated(present, weight, points, sample, LOSS, counts, each)
        tangent = float(mean), float(error)
    note = (
        f"estimated from {len(points.values)} exact points and {size} of {present.count} examples; the error "
        "holds 95 of 100 times"
    )
    return Found(values, numbers, errors, torch.zeros(len(values), dtype=torch.bool), tangent, (note,))


def _estimated(
    present: Present,
    weight: Weight,
    points: Points,
    sample: Sample,
    name: str,
    counts: Tensor,
    amounts: Tensor,
) -> tuple[Tensor, Tensor]:
    """What the polynomial says of all examples, with what it misses of those of the sample."""
    mean, error = sample.mean(amounts - counts @ points.parts[name][:, sample.examples])
    size, known = present.count / present.parts[name].weights.sum(), points.numbers[name]
    return counts @ known + mean * size, error * size + _rounding(present, weight, counts, known)


def _rounding(present: Present, weight: Weight, counts: Tensor, known: Tensor) -> Tensor:
    """How far off sums are of losses computed in the weights' precision, each rounded on its own."""
    step = torch.finfo(present.state.values[weight.parameter].dtype).eps * known.abs().max()
    own = counts.square().sum(-1).sqrt() / math.sqrt(present.count)
    return _ROUNDED * step * (counts.sum(-1).abs() + own)


def _near(found: Tensor, expected: Tensor) -> bool:
    scale = float(expected.abs().mean()) + 1e-12
    return bool(((found - expected).abs() <= _NEAR * (expected.abs() + scale)).all())
