"""What operations that read a turned weight give, for many values of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from weightdesk.desk.engine.graph.box import Box


@dataclass(frozen=True, eq=False)
class Started(ABC):
    """What an operation that reads the weight gives, value by value.

    Attributes:
        box: where it differs, in the results of the examples.
    """

    box: Box

    @abstractmethod
    def at(self, number: int) -> Tensor:
        """What lies in the box at a value."""

    @abstractmethod
    def rows(self, numbers: Tensor, places: Tensor, axis: int) -> Tensor:
        """The same for rows: at which values, and which places of the axis of examples in the box."""


@dataclass(frozen=True, eq=False)
class Listed(Started):
    """Computed for each value, (values, ...)."""

    values: Tensor

    def at(self, number: int) -> Tensor:
        """See `Started`."""
        return self.values[number]

    def rows(self, numbers: Tensor, places: Tensor, axis: int) -> Tensor:
        """See `Started`."""
        return self.values.movedim(axis + 1, 1)[numbers, places].movedim(0, axis)


@dataclass(frozen=True, eq=False)
class Linear(Started):
    """Before, and what it moves by as the weight moves by 1; how far the weight moves to each value."""

    before: Tensor
    slope: Tensor
    steps: Tensor

    def at(self, number: int) -> Tensor:
        """See `Started`."""
        return self.before + self.steps[number] * self.slope

    def rows(self, numbers: Tensor, places: Tensor, axis: int) -> Tensor:
        """See `Started`."""
        steps = self.steps[numbers].reshape(-1, *[1] * (self.slope.ndim - 1))
        before, slope = (each.movedim(axis, 0)[places] for each in (self.before, self.slope))
        return torch.addcmul(before, steps.expand_as(slope), slope).movedim(0, axis)
