"""Means over examples and over repetitions, with the bounds between which they lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import torch
from jaxtyping import Float
from torch import Tensor

from weightdesk.capture.story.resampling import ENDS, Estimate

_, _UPPER = ENDS


def columns_of(name: str, estimates: Sequence[Estimate]) -> dict[str, list[float]]:
    """The three columns of a table.

    >>> columns_of("loss", [Estimate(1.0, 0.5, 1.5)])
    {'loss': [1.0], 'loss from': [0.5], 'loss to': [1.5]}
    """
    ends = {name: "value", f"{name} from": "low", f"{name} to": "high"}
    return {head: [getattr(each, end) for each in estimates] for head, end in ends.items()}


def mean_estimate(values: Float[Tensor, " examples"]) -> Estimate:
    """The mean over examples with Student's t interval; bounds are not a number for a single example.

    >>> mean_estimate(torch.tensor([1.0, 2.0, 3.0])).value
    2.0
    """
    from scipy.special import stdtrit  # type: ignore[import-untyped]  # takes long to load

    numbers = values.double()
    count, mean = len(numbers), float(numbers.mean())
    if count < 2:
        return Estimate(mean, math.nan, math.nan)
    reach = float(stdtrit(count - 1, _UPPER)) * float(numbers.std()) / math.sqrt(count)
    return Estimate(mean, mean - reach, mean + reach)


def change_of_share(changes: Float[Tensor, " examples"]) -> Estimate:
    """The mean of changes that are −1, 0 or 1, such as from wrong to right; wide also where nothing changed.

    Source: Agresti and Min 2005, Simple improved confidence intervals for comparing matched proportions.

    >>> found = change_of_share(torch.zeros(98))
    >>> found.value, round(found.high, 3)
    (0.0, 0.02)
    """
    # half an example more in each of the four cells
    count, net, changed = len(changes) + 2, float(changes.sum()), float(changes.abs().sum()) + 1
    middle, value = net / count, net / len(changes)
    reach = NormalDist().inv_cdf(_UPPER) * math.sqrt(max(changed - net**2 / count, 0.0)) / count
    return Estimate(value, min(middle - reach, value), max(middle + reach, value))


def by_chance(scores: Sequence[float]) -> Estimate:
    """The mean score of repetitions, such as scrambled networks, and the range that holds 95 % of them.

    >>> by_chance([1.0, 2.0, 3.0]).value
    2.0
    """
    numbers = torch.tensor(list(scores), dtype=torch.float64)
    low, high = torch.quantile(numbers, torch.tensor(ENDS).double()).tolist()
    return Estimate(float(numbers.mean()), low, high)
