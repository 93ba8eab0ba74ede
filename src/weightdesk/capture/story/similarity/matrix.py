"""Every layer with every other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from weightdesk.capture.progress import Progress, followed, silent
from weightdesk.capture.story.resampling import permutations
from weightdesk.capture.story.similarity.similarity import Similarity
from weightdesk.errors import OptionError


@dataclass(frozen=True, eq=False)
class SimilarityMatrix:
    """How alike the layers of one network and those of another see the same examples.

    Attributes:
        rows: the layers of the one.
        columns: the layers of the other.
        values: of each pair; not a number where a layer never varies.
        chance: of each pair, the largest value with permuted examples.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Float64[Tensor, "rows columns"]
    chance: Float64[Tensor, "rows columns"]


def similarities(
    measure: Similarity,
    first: Mapping[str, Float64[Tensor, "examples _"]],
    second: Mapping[str, Float64[Tensor, "examples _"]],
    *,
    permuted: int = 19,
    seed: int = 0,
    progress: Progress = silent,
) -> SimilarityMatrix:
    """Compare every layer of a network with every layer of a network; it may be the same one.

    Arguments:
        measure: one of `SIMILARITIES`.
        first: what the layers of the one give for the examples.
        second: what those of the other give for the same examples.
        permuted: how many times the examples of the second are dealt out anew; with 19, two layers
            that have nothing to do with each other are above the largest of these 1 time in 20.
        seed: of the permutations.
        progress: hears after each row.

    Raises:
        OptionError: the networks were not given the same number of examples.

    >>> from weightdesk.capture.story.similarity import SIMILARITIES
    >>> layers = {"a": torch.randn(60, 3).double(), "b": torch.randn(60, 2).double()}
    >>> found = similarities(SIMILARITIES["CKA"], layers, layers)
    >>> found.rows, found.values.diagonal().round(decimals=6)
    (('a', 'b'), tensor([1., 1.], dtype=torch.float64))
    """
    examples = {len(each) for each in (*first.values(), *second.values())}
    if len(examples) > 1:
        raise OptionError(f"layers can be compared on the same examples only, got {sorted(examples)} of them")
    orders = permutations(next(iter(examples), 0), permuted, seed)
    others = [measure.prepared(each) for each in second.values()]
    values, chance = [], []
    for features in followed(first.values(), "similarity", progress):
        own = measure.prepared(features)
        values.append([measure.between(own, other) for other in others])
        chance.append([_chance(measure, own, other, orders) for other in others])
    return SimilarityMatrix(
        tuple(first),
        tuple(second),
        torch.tensor(values, dtype=torch.float64),
        torch.tensor(chance, dtype=torch.float64),
    )


def _chance(
    measure: Similarity,
    first: Float64[Tensor, "examples parts"],
    second: Float64[Tensor, "examples others"],
    orders: list[Int64[Tensor, " examples"]],
) -> float:
    return max((measure.between(first, second[order]) for order in orders), default=torch.nan)
