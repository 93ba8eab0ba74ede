"""Which elements of an example make up a feature."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor

from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.explain.terms.naming import coordinates

Groups: TypeAlias = Tensor | Sequence[Iterable[Any]]
"""For each element of an example the number of its group, −1 for none; or lists of the members' indices."""


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
        kept = self.labels >= 0
        sums = torch.zeros(self.count, dtype=torch.float64)
        return sums.index_add_(0, self.labels[kept], values.detach().cpu().double()[kept])

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
    if isinstance(groups, Tensor):
        if tuple(groups.shape) != shape or groups.is_floating_point():
            raise OptionError(
                f"groups must be whole numbers of an example's shape {shape}, "
                f"got {groups.dtype} of shape {tuple(groups.shape)}"
            )
        labels = groups.detach().cpu().reshape(-1).long()
        return _checked(Grouping(labels, int(labels.max()) + 1 if size else 0))
    labels = torch.full((size,), -1)
    for number, members in enumerate(groups):
        for index in members:
            labels[_free(labels, number, index, shape)] = number
    return _checked(Grouping(labels, len(groups)))


def _free(labels: Tensor, number: int, index: Any, shape: tuple[int, ...]) -> int:
    """The place of a group's member in the row of elements, which no other group may hold."""
    at = tuple(index) if isinstance(index, (tuple, list)) else (int(index),)
    if len(at) != len(shape) or not all(0 <= i < size for i, size in zip(at, shape, strict=True)):
        ends = ", ".join(f"0…{size - 1}" for size in shape)
        raise IndexRangeError(
            f"group {number}: {at} lies outside an example of shape {shape}: expected ({ends})"
        )
    place = 0
    for i, size in zip(at, shape, strict=True):
        place = place * size + i
    if labels[place] not in (-1, number):
        raise OptionError(
            f"groups {int(labels[place])} and {number} both hold {at}; each element goes into one"
        )
    return place


def _checked(found: Grouping) -> Grouping:
    if found.count < 1:
        raise OptionError("groups must hold at least one group")
    return found


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
