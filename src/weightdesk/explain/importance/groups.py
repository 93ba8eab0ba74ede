"""What is zeroed together: single weights, the weights of a unit, of a kernel, or groups of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import torch
from torch import Tensor

from weightdesk.errors import OptionError, closest
from weightdesk.explain.labels import labels_of, summed

Level: TypeAlias = Literal["weight", "unit", "kernel", "group"]
_LEVELS: Final = ("weight", "unit", "kernel", "group")


@dataclass(frozen=True, eq=False)
class Groups:
    """Which group each weight of a parameter is in.

    Attributes:
        level: what the groups are.
        labels: of the parameter's shape; the number of a weight's group, −1 for none.
        shape: of one value a group; its product is the number of groups.
    """

    level: Level
    labels: Tensor
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of groups."""
        return int(torch.tensor(self.shape, dtype=torch.long).prod())

    def summed(self, values: Tensor) -> Tensor:
        """The sum of single weights' values over each group, in double precision."""
        return summed(values, self.labels, self.count).reshape(self.shape)

    def without(self, parameter: Tensor, chosen: Tensor) -> Tensor:
        """The parameter with the weights of some groups zeroed."""
        zeroed = torch.zeros(self.count + 1, dtype=torch.bool)
        zeroed[chosen] = True
        return parameter.masked_fill(zeroed[self.labels], 0)  # the label −1 reads the last place, False


def make_groups(parameter: Tensor, level: str, groups: Tensor | Sequence[Any] | None = None) -> Groups:
    """Divide a parameter.

    Arguments:
        parameter: the weights.
        level: `weight`; `unit`, everything with the same first index; `kernel`, the same first two; `group`.
        groups: for `group`: a tensor of whole numbers of the parameter's shape, or lists of index tuples.

    Raises:
        OptionError: the level is unknown or does not fit the parameter, or groups overlap.
        IndexRangeError: an index lies outside the parameter.

    >>> make_groups(torch.zeros(2, 3), "unit").labels.tolist()
    [[0, 0, 0], [1, 1, 1]]
    >>> make_groups(torch.zeros(2, 2), "group", [[(0, 0), (1, 1)]]).labels.tolist()
    [[0, -1], [-1, 0]]
    """
    shape = tuple(parameter.shape)
    if level not in _LEVELS:
        raise OptionError(f"level {level!r} is unknown; {closest(level, _LEVELS)}")
    if (groups is None) == (level == "group"):
        raise OptionError("groups= goes with level='group', and only with it")
    if level == "group":
        labels, count = labels_of([] if groups is None else groups, shape, "the parameter")
        return Groups("group", labels, (count,))
    depth = {"weight": len(shape), "unit": 1, "kernel": 2}[level]
    if len(shape) < depth or (level == "kernel" and len(shape) < 3):
        raise OptionError(f"level {level!r} needs more dimensions than the parameter's shape {shape}")
    leading = shape[:depth]
    count = int(torch.tensor(leading, dtype=torch.long).prod())
    labels = torch.arange(count).reshape(*leading, *[1] * (len(shape) - depth)).expand(shape)
    return Groups(level, labels.contiguous(), leading)  # type: ignore[arg-type]
