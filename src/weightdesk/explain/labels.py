"""Which elements of a shape are taken together: groups that the user gives, as a number for each element."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from weightdesk.errors import IndexRangeError, OptionError

Groups: TypeAlias = Tensor | Sequence[Iterable[Any]]
"""For each element the number of its group, −1 for none; or lists of the members' indices."""


def labels_of(groups: Groups, shape: tuple[int, ...], owner: str) -> tuple[Int64[Tensor, ...], int]:
    """The number of each element's group, −1 for none, and how many groups there are.

    Arguments:
        groups: as the user gives them; a listed one may be empty.
        shape: of what is divided.
        owner: what that is, for the messages.

    Raises:
        OptionError: the labels do not fit the shape, groups overlap, or there is none.
        IndexRangeError: an index lies outside the shape.

    >>> labels_of([[0, 2], [1]], (4,), "an example")
    (tensor([ 0,  1,  0, -1]), 2)
    """
    if isinstance(groups, Tensor):
        if tuple(groups.shape) != shape or groups.is_floating_point():
            raise OptionError(
                f"groups must be whole numbers of {owner}'s shape {shape}, "
                f"got {groups.dtype} of shape {tuple(groups.shape)}"
            )
        labels = groups.detach().cpu().long().clamp(min=-1)
        return labels, _some(int(labels.max()) + 1 if labels.numel() else 0)
    labels = torch.full(shape, -1)
    for number, members in enumerate(groups):
        for index in members:
            labels[_free(labels, number, index, owner)] = number
    return labels, _some(len(groups))


def summed(values: Float[Tensor, ...], labels: Int64[Tensor, ...], count: int) -> Float64[Tensor, " groups"]:
    """The sum of the elements' values over each group.

    >>> summed(torch.tensor([1.0, 2, 3, 4]), torch.tensor([0, 1, 0, -1]), 2).tolist()
    [4.0, 2.0]
    """
    kept = labels >= 0
    sums = torch.zeros(count, dtype=torch.float64)
    return sums.index_add_(0, labels[kept], values.detach().cpu()[kept].double())


def _free(labels: Tensor, number: int, index: Any, owner: str) -> tuple[int, ...]:
    """The place of a group's member, which no other group may hold."""
    at, shape = tuple(index) if isinstance(index, (tuple, list)) else (int(index),), tuple(labels.shape)
    if len(at) != len(shape) or not all(0 <= i < size for i, size in zip(at, shape, strict=True)):
        ends = ", ".join(f"0…{size - 1}" for size in shape)
        raise IndexRangeError(
            f"group {number}: {at} lies outside {owner} of shape {shape}: expected ({ends})"
        )
    if labels[at] not in (-1, number):
        raise OptionError(f"groups {int(labels[at])} and {number} both hold {at}; each element goes into one")
    return at


def _some(count: int) -> int:
    if count < 1:
        raise OptionError("groups must hold at least one group")
    return count
