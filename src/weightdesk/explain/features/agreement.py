"""Whether several ways to rank the features agree."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from jaxtyping import Float
from torch import Tensor

_AGREE: Final = 0.7


@dataclass(frozen=True)
class Agreement:
    """How far two rankings of the features agree.

    Attributes:
        first: one way to rank them.
        second: the other.
        spearman: rank correlation from −1 to 1; not a number where one way finds all features alike.
        kendall: τ-b: pairs of features in the same order minus those in the opposite one, as a share.
    """

    first: str
    second: str
    spearman: float
    kendall: float


def agreements(rankings: Mapping[str, Float[Tensor, " features"]]) -> tuple[Agreement, ...]:
    """The rank correlations of each pair of rankings.

    Source: Spearman 1904; Kendall 1945, ties counted as in τ-b.

    >>> import torch
    >>> agreements({"a": torch.tensor([1.0, 2, 3]), "b": torch.tensor([3.0, 2, 1])})[0].kendall
    -1.0
    """
    return tuple(_agreement(*pair, rankings) for pair in combinations(rankings, 2))


def _agreement(first: str, second: str, rankings: Mapping[str, Tensor]) -> Agreement:
    from scipy import stats  # type: ignore[import-untyped]  # takes long to load

    values = [rankings[each].numpy() for each in (first, second)]
    if any(len(each) < 2 or (each == each[0]).all() for each in values):
        return Agreement(first, second, math.nan, math.nan)
    spearman, kendall = stats.spearmanr(*values).statistic, stats.kendalltau(*values).statistic
    return Agreement(first, second, float(spearman), float(kendall))


def verdict(
    rankings: Mapping[str, Float[Tensor, " features"]], found: tuple[Agreement, ...], names: tuple[str, ...]
) -> str:
    """In a line whether the rankings agree: the same feature first, and every rank correlation ≥ 0.7.

    >>> import torch
    >>> values = {"weights": torch.tensor([1.0, 2.0]), "permutation": torch.tensor([3.0, 1.0])}
    >>> verdict(values, agreements(values), ("age", "size"))
    'they disagree: weights put size first, permutation puts age first; lowest rank correlation -1.00'
    """
    first = {way: names[int(values.argmax())] for way, values in rankings.items()}
    lowest = min((each.spearman for each in found if not math.isnan(each.spearman)), default=math.nan)
    correlation = "" if math.isnan(lowest) else f"; lowest rank correlation {lowest:.2f}"
    if len(set(first.values())) == 1:
        name = next(iter(first.values()))
        agree = "they agree" if not lowest < _AGREE else "they disagree on the rest"
        return f"{agree}: all put {name} first{correlation}"
    tops = ", ".join(
        f"{way} {'put' if way.endswith('s') else 'puts'} {name} first" for way, name in first.items()
    )
    return f"they disagree: {tops}{correlation}"
