"""How well one number tells each class from the others: areas under ROC curves by ranks."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

_NORMAL: Final = 1.959963984540054  # of which 95 % lie within, for the standard normal distribution


def midranks(values: Float[Tensor, "examples units"]) -> Float64[Tensor, "examples units"]:
    """The rank of each example for each unit from 1, the mean rank for equal ones.

    >>> midranks(torch.tensor([[5.0], [1.0], [5.0]])).flatten().tolist()
    [2.5, 1.0, 2.5]
    """
    from scipy.stats import rankdata  # type: ignore[import-untyped]  # takes long to load

    return torch.from_numpy(rankdata(values.detach().cpu().double().numpy(), axis=0))


def areas(
    ranks: Float64[Tensor, "examples units"], members: Float64[Tensor, "*several examples classes"]
) -> Float64[Tensor, "*several classes units"]:
    """The area under the ROC curve of each unit for each class against the rest.

    It is the chance that an example of the class has a larger value than another example, equal values
    counted half.

    Arguments:
        ranks: as `midranks` gives them.
        members: 1 where the example is of the class; each class has an example and lacks one. Several
            ways to deal out the classes may be given at once.

    Source: Hanley and McNeil 1982, The meaning and use of the area under a ROC curve.

    >>> ranks = midranks(torch.tensor([[1.0], [2.0], [3.0], [4.0]]))
    >>> areas(ranks, torch.tensor([[0.0], [1.0], [0.0], [1.0]]).double()).item()
    0.75
    """
    inside = members.sum(-2)[..., None]
    sums = (members.mT.flatten(0, -2) @ ranks).view(*inside.shape[:-1], -1)
    return (sums - inside * (inside + 1) / 2) / (inside * (len(ranks) - inside))


def interval(values: Float[Tensor, " examples"], members: Int64[Tensor, " examples"]) -> tuple[float, float]:
    """The 95 % interval of the area of one unit for one class, within 0 and 1.

    Arguments:
        values: the unit's, one an example.
        members: 1 for examples of the class, 0 for the rest.

    Source: DeLong, DeLong and Clarke-Pearson 1988, Comparing the areas under two or more correlated ROC
    curves; by ranks after Sun and Xu 2014.

    >>> low, high = interval(torch.arange(100.0), torch.arange(100) % 2)
    >>> round(low, 2), round(high, 2)
    (0.4, 0.62)
    """
    inside, outside = values[members == 1], values[members == 0]
    together = midranks(torch.cat([inside, outside])[:, None])[:, 0].numpy()
    apart = [midranks(each[:, None])[:, 0].numpy() for each in (inside, outside)]
    beaten = (together[: len(inside)] - apart[0]) / len(outside)
    lost = (together[len(inside) :] - apart[1]) / len(inside)
    if min(len(inside), len(outside)) < 2:
        return math.nan, math.nan
    area = float(beaten.mean())
    error = math.sqrt(
        float(np.var(beaten, ddof=1)) / len(inside) + float(np.var(lost, ddof=1)) / len(outside)
    )
    return max(area - _NORMAL * error, 0.0), min(area + _NORMAL * error, 1.0)
