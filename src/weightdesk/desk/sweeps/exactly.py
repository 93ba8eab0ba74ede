"""The loss along one weight on all examples."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.desk.sweeps.found import Found, exactly_found
from weightdesk.desk.sweeps.present import LOSS, Present
from weightdesk.desk.sweeps.slope import slope_of
from weightdesk.desk.sweeps.weight import Weight
from weightdesk.types import ParameterName


def one_by_one(present: Present, weight: Weight, values: Float64[Tensor, " values"]) -> Found:
    """Each value as a turn."""
    found = {name: torch.empty(len(values), dtype=torch.float64) for name in present.scores}
    began = time.perf_counter()
    for place, value in enumerate(values.tolist()):
        for name, each in present.numbers(weight.turned(present.state, value)).items():
            found[name][place] = each
    seconds = (time.perf_counter() - began) / len(values) if len(values) else 0.0
    return exactly_found(values, found, seconds)


def together(present: Present, weight: Weight, values: Float64[Tensor, " values"], *, sloped: bool) -> Found:
    """All values and examples in one run."""
    every = torch.arange(present.count)
    stack = present.stack(weight, every)
    amounts = present.amounts(stack, weight, every, values)
    found = exactly_found(values, {name: present.ratio(name, each) for name, each in amounts.items()})
    if not sloped:
        return found
    each = present.slopes(stack, {weight.parameter: weight.direction(present.state)}, every)
    return found.with_slope((float(present.ratio(LOSS, each)), 0.0))


def slope(
    present: Present, directions: Mapping[ParameterName, Tensor], weight: Weight | None = None
) -> float:
    """The slope of the loss of all examples where the weights are now, along a direction.

    Arguments:
        present: the weights.
        directions: for each parameter that is moved.
        weight: the only one that they move, if there is just one: less runs then.
    """
    every = torch.arange(present.count)
    if present.set.separable:
        found = [
            present.slopes(present.stack(weight, some), directions, some)
            for some in torch.split(every, present.rows)
        ]
        return float(present.ratio(LOSS, torch.cat(found)))
    loss = present.set.judge.loss
    assert loss is not None
    return slope_of(present.stack(None, every), directions, loss, present.set.targets)


def slope_along(present: Present, weight: Weight) -> tuple[float, float]:
    """The slope of the loss by one weight, and its error, which is none."""
    return slope(present, {weight.parameter: weight.direction(present.state)}, weight), 0.0
