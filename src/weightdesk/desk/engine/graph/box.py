"""A changed part of a tensor: the places on some axes where it may differ, and the new values there.

A box names places on some axes of a tensor, `{1: tensor([5])}` is channel 5 of all examples. Axes that it
does not name are meant whole, so that an empty box is the whole tensor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import torch
from jaxtyping import Int64
from torch import Tensor

Places: TypeAlias = Int64[Tensor, " places"]
Box: TypeAlias = dict[int, Places]
"""Places on some axes, each sorted and without repeats."""

_COARSE: Final = 0.5


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """New values of a part of a tensor.

    Attributes:
        box: where.
        values: of the tensor's shape, on each axis that the box names as long as its places; whatever the
            operation gave where that is no tensor.
    """

    box: Box
    values: Any


def bounded(box: Box, shape: tuple[int, ...]) -> Box:
    """The box without axes on which it names half the places or more: running them all is as quick.

    >>> bounded({0: torch.tensor([0, 1]), 1: torch.tensor([7])}, (3, 8))
    {1: tensor([7])}
    """
    return {axis: places for axis, places in box.items() if len(places) < _COARSE * shape[axis]}


def take(tensor: Tensor, box: Box) -> Tensor:
    """What lies in a box; a view where the places lie side by side.

    >>> take(torch.arange(12).view(3, 4), {1: torch.tensor([1, 3])})
    tensor([[ 1,  3],
            [ 5,  7],
            [ 9, 11]])
    """
    for axis, places in box.items():
        start = _side_by_side(places)
        if start is None:
            tensor = tensor.index_select(axis, places)
        else:
            tensor = tensor.narrow(axis, start, len(places))
    return tensor


def put(tensor: Tensor, box: Box, values: Tensor) -> None:
    """Write values into a box.

    >>> zeros = torch.zeros(2, 3)
    >>> put(zeros, {0: torch.tensor([1]), 1: torch.tensor([0, 2])}, torch.tensor([[5.0, 7.0]]))
    >>> zeros
    tensor([[0., 0., 0.],
            [5., 0., 7.]])
    """
    scattered = {}
    for axis, places in box.items():
        start = _side_by_side(places)
        if start is None:
            scattered[axis] = places
        else:
            tensor = tensor.narrow(axis, start, len(places))
    if not scattered:
        tensor.copy_(values)
    elif len(scattered) == 1:
        ((axis, places),) = scattered.items()
        tensor.index_copy_(axis, places, values)
    else:
        tensor[_mesh(scattered, tensor.shape)] = values


def _mesh(box: Box, shape: torch.Size) -> tuple[Tensor, ...]:
    places = (box.get(axis, torch.arange(size)) for axis, size in enumerate(shape))
    return tuple(
        each.view(-1, *[1] * (len(shape) - axis - 1)) if len(shape) - axis - 1 else each
        for axis, each in enumerate(places)
    )


def meet(ours: Places | None, theirs: Places | None) -> tuple[Places | None, Places | None]:
    """Where in each of two lists of places those lie that are in both; None: all of them, in order.

    A list that is None holds every place of the axis.

    >>> meet(torch.tensor([2, 5, 7]), torch.tensor([5, 6, 7]))
    (tensor([1, 2]), tensor([0, 2]))
    >>> meet(None, torch.tensor([5, 6]))
    (tensor([5, 6]), None)
    """
    if ours is None or theirs is None:
        return (theirs, None) if ours is None else (None, ours)
    if ours is theirs or torch.equal(ours, theirs):
        return None, None
    return torch.isin(ours, theirs).nonzero()[:, 0], torch.isin(theirs, ours).nonzero()[:, 0]


def same(one: Box, other: Box) -> bool:
    """Whether two boxes name the same places."""
    return one.keys() == other.keys() and all(
        places is other[axis] or torch.equal(places, other[axis]) for axis, places in one.items()
    )


def hull(boxes: list[Box], shape: tuple[int, ...]) -> Box:
    """The smallest box that holds all of them, bounded.

    >>> hull([{1: torch.tensor([2])}, {0: torch.tensor([4]), 1: torch.tensor([0])}], (9, 9))
    {1: tensor([0, 2])}
    """
    first, *others = boxes
    if not others:
        return bounded(first, shape)
    shared = {axis: [each[axis] for each in boxes] for axis in first if all(axis in box for box in others)}
    return bounded({axis: torch.unique(torch.cat(each)) for axis, each in shared.items()}, shape)


def _side_by_side(places: Places) -> int | None:
    """The first place, if the others follow it one by one."""
    start, count = int(places[0]), len(places)
    return start if count == 1 or int(places[-1]) - start == count - 1 else None
