"""Which elements of an example make up a feature."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from weightdesk.errors import OptionError
from weightdesk.explain.labels import Groups, labels_of, summed
from weightdesk.explain.terms.naming import coordinates


@dataclass(frozen=True, eq=False)
class Grouping:
    """The features of an example.

    Attributes:
        labels: the number of each element's feature, the elements in a row; −1 for none.
        count: number of features.
    """

    labels: Int[Tensor, " elements"]
    count: int

    def summed(self, values: Float[Tensor, " elements"]) -> Float[Tensor, " features"]:
        """The sum of the elements' values over each feature.

        >>> Grouping(torch.tensor([0, 1, 0, -1]), 2).summed(torch.tensor([1.0, 2, 3, 4])).tolist()
        [4.0, 2.0]
        """
        return summed(values, self.labels, self.count)

    def members(self, feature: int) -> Int[Tensor, " members"]:
        """The elements of a feature."""
        return (self.labels == feature).nonzero().view(-1)


def grouping(shape: tuple[int, ...], groups: Groups | None) -> Grouping:
    """Divide the elements of an example into features; each is one of its own if no groups are given.

    Raises:
        OptionError: the labels do not fit the example, groups overlap, or there is none.
        IndexRangeError: an index lies outside the example.

    >>> grouping((3,), [[0, 2]]).labels.tolist(), grouping((2, 2), None).count
    ([0, -1, 0], 4)
    """
    size = math.prod(shape)
    if groups is None:
        return Grouping(torch.arange(size), size)
    labels, count = labels_of(groups, shape, "an example")
    return Grouping(labels.reshape(-1), count)


def names_of_features(
    shape: tuple[int, ...], count: int, grouped: bool, names: Sequence[str] | None
) -> tuple[str, ...]:
    """The features' names: those given, or by their place in the example.

    Raises:
        OptionError: the user gave another number of names.

    >>> names_of_features((2, 2), 4, False, None)[2], names_of_features((2,), 2, False, ["a", "b"])
    ('input (1, 0)', ('a', 'b'))
    """
    if names is not None:
        if len(names) != count:
            raise OptionError(f"names must have one entry a feature: expected {count}, got {len(names)}")
        return tuple(map(str, names))
    if grouped:
        return tuple(f"group {number}" for number in range(count))
    if len(shape) < 2:
        return tuple(f"input {number}" for number in range(count))
    places = torch.cartesian_prod(*[torch.arange(size) for size in shape]).tolist()
    return tuple(f"input {coordinates(place)}" for place in places)
