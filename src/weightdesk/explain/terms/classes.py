"""How the terms of a unit are distributed over the examples of each class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from weightdesk.errors import OptionError


@dataclass(frozen=True, eq=False)
class TermsByClass:
    """The distribution of every term over the examples of each class, in float64.

    Attributes:
        classes: the classes, ascending.
        count: examples of each class.
        mean: mean of each term.
        std: standard deviation, divided by the count; zero for a single example.
        quartiles: lower quartile, median and upper quartile, interpolated linearly.
    """

    classes: tuple[int, ...]
    count: Int[Tensor, " classes"]
    mean: Float[Tensor, "classes terms"]
    std: Float[Tensor, "classes terms"]
    quartiles: Float[Tensor, "classes 3 terms"]


def by_class(products: Float[Tensor, "examples terms"], targets: Any) -> TermsByClass:
    """Describe the terms of each class.

    Arguments:
        products: wᵢxᵢ of each example.
        targets: the class of each example, an integer.

    Raises:
        OptionError: the targets are not one integer an example.

    >>> found = by_class(torch.tensor([[1.0], [3.0], [5.0]]).double(), torch.tensor([0, 0, 7]))
    >>> found.classes, found.mean.tolist()
    ((0, 7), [[2.0], [5.0]])
    """
    labels = torch.as_tensor(targets).detach().cpu()
    if labels.shape != products.shape[:1] or labels.is_floating_point():
        raise OptionError(
            f"targets must be one class an example, {len(products)} integers; "
            f"got shape {tuple(labels.shape)} of {labels.dtype}"
        )
    classes, count = torch.unique(labels, return_counts=True)
    parts = [products[labels == each].numpy() for each in classes]
    return TermsByClass(
        tuple(classes.tolist()),
        count,
        torch.from_numpy(np.stack([part.mean(axis=0) for part in parts])),
        torch.from_numpy(np.stack([part.std(axis=0) for part in parts])),
        torch.from_numpy(np.stack([np.quantile(part, [0.25, 0.5, 0.75], axis=0) for part in parts])),
    )


def rows(found: TermsByClass, names: tuple[str, ...], order: list[int]) -> dict[str, list[Any]]:
    """The distribution as columns, one row a term and class, the terms in the given order.

    >>> rows(by_class(torch.ones(2, 1).double(), torch.tensor([4, 4])), ("x",), [0])["examples"]
    [2]
    """
    lines = list(_lines(found, names, order))
    heads = ("term", "class", "examples", "mean", "std", "lower quartile", "median", "upper quartile")
    return {head: [line[at] for line in lines] for at, head in enumerate(heads)}


def _lines(found: TermsByClass, names: tuple[str, ...], order: list[int]) -> Iterator[tuple[Any, ...]]:
    mean, std, quartiles = found.mean.tolist(), found.std.tolist(), found.quartiles.tolist()
    for term in order:
        for at, (label, count) in enumerate(zip(found.classes, found.count.tolist(), strict=True)):
            spread = (quartiles[at][quarter][term] for quarter in range(3))
            yield names[term], label, count, mean[at][term], std[at][term], *spread
