"""The loss along one weight, in the way that its cost allows.

| way | when |
| --- | --- |
| value by value, each a turn | on demand, and where examples cannot be told apart |
| all values and examples in one run | where there are few of them |
| `levels.py`: a few exact points, and some of the examples | otherwise |
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from weightdesk.desk.sweeps import exactly
from weightdesk.desk.sweeps.found import Found
from weightdesk.desk.sweeps.levels import levels
from weightdesk.desk.sweeps.present import Present
from weightdesk.desk.sweeps.weight import Weight

_TOGETHER = "exact, value by value: the loss is not made of those of single examples"


@dataclass(frozen=True, eq=False)
class Line:
    """Numbers along one weight.

    Attributes:
        numbers: `loss`, and `accuracy` where there is one, at each value.
        errors: of each of them: so far off at most, 95 of 100 times; 0 where exact.
        exact: which values were computed on all examples.
        slope: of the loss at the present value, and how far off it is at most; None if not asked for.
        notes: how it was done, a line each.
        turns: how long it took, in exact losses; None where none was computed.
    """

    numbers: dict[str, Float64[Tensor, " values"]]
    errors: dict[str, Float64[Tensor, " values"]]
    exact: Bool[Tensor, " values"]
    slope: tuple[float, float] | None
    notes: tuple[str, ...]
    turns: float | None


def line(
    present: Present,
    weight: Weight,
    values: Float64[Tensor, " values"],
    *,
    exact: bool,
    turns: float,
    sloped: bool = True,
) -> Line:
    """The loss at each value.

    Arguments:
        present: the weights around which it is.
        weight: which one is given the values.
        values: also such as are not finite.
        exact: whether everything is to be exact.
        turns: how long it may take where it is not, in turns; values that are not finite come on top.
        sloped: whether the slope is wanted.
    """
    began = time.perf_counter()
    asked = values.to(present.state.values[weight.parameter].dtype).double()
    now = weight.value(present.state)
    known = torch.tensor(sorted({*asked[asked.isfinite()].tolist()} - {now}), dtype=torch.float64)
    found = _finite(present, weight, known, exact=exact, turns=turns, sloped=sloped)
    strange = exactly.one_by_one(present, weight, asked[~asked.isfinite()])
    found = found.joined(strange).joined(present.found(weight))
    seconds = time.perf_counter() - began
    numbers, errors, sure = found.at(asked)
    one = found.seconds
    return Line(numbers, errors, sure, found.slope, found.notes, seconds / one if one else None)


def _finite(
    present: Present, weight: Weight, values: Tensor, *, exact: bool, turns: float, sloped: bool
) -> Found:
    separable = present.set.separable
    if separable and len(values) * present.count <= present.free:
        return exactly.together(present, weight, values, sloped=sloped)
    if separable and not exact:
        found = levels(present, weight, values, turns, sloped=sloped)
        if found is not None:
            return found
    found = exactly.one_by_one(present, weight, values)
    notes = () if separable else (_TOGETHER,)
    return found.with_slope(exactly.slope_along(present, weight) if sloped else None, notes)
