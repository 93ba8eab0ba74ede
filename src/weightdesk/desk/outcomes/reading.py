"""How outputs and targets are read: as classes, or as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor


@dataclass(frozen=True)
class Classes:
    """Outputs that choose among classes.

    Attributes:
        count: number of classes.
        axis: the axis of the outputs that counts the classes; None where each output stands for itself
            and says yes above a threshold.
        threshold: above which an output says yes.
        soft: whether targets hold a share for each class; the largest is then the truth.
        left_out: classes that the loss leaves out, such as padding.
    """

    count: int
    axis: int | None
    threshold: float = 0.0
    soft: bool = False
    left_out: frozenset[int] = frozenset()

    def predictions(self, outputs: Float[Tensor, "examples ..."]) -> Int64[Tensor, "examples ..."]:
        """The class that each place of each example is given; −1 where outputs are no numbers.

        >>> Classes(2, 1).predictions(torch.tensor([[0.5, 0.1], [0.0, torch.nan]])).tolist()
        [0, -1]
        """
        if self.axis is None:
            return torch.where(outputs.isnan(), -1, (outputs > self.threshold).long())
        found = outputs.argmax(self.axis, keepdim=True)  # to argmax NaN is larger than any number
        return torch.where(outputs.gather(self.axis, found).isnan(), -1, found).squeeze(self.axis)

    def truths(self, targets: Tensor, shape: torch.Size) -> Int64[Tensor, "examples ..."]:
        """The right class of each place, in the shape of the predictions; −1 where none is counted.

        >>> Classes(2, 1).truths(torch.tensor([0, -100, 1]), torch.Size([3])).tolist()
        [0, -1, 1]
        """
        if self.soft and self.axis is not None:
            targets = targets.argmax(self.axis)
        found = targets.reshape(shape).long()
        counted = (found >= 0) & (found < self.count)
        for each in self.left_out:
            counted &= found != each
        return torch.where(counted, found, -1)

    def margins(
        self, outputs: Float[Tensor, "examples ..."], truths: Int64[Tensor, "examples ..."]
    ) -> Float64[Tensor, "examples ..."]:
        """By how much the right class leads the best other one, in units of the outputs.

        >>> Classes(2, 1).margins(torch.tensor([[0.5, 0.25]]), torch.tensor([1])).tolist()
        [-0.25]
        """
        if self.axis is None:
            return (outputs.double() - self.threshold) * (2 * truths - 1)
        by_class = outputs.movedim(self.axis, -1).double()
        own = truths.clamp(min=0).unsqueeze(-1)
        others = by_class.scatter(-1, own, -torch.inf).amax(-1)
        return by_class.gather(-1, own).squeeze(-1) - others


@dataclass(frozen=True)
class Values:
    """Outputs that are compared with targets as numbers."""

    def residuals(
        self, outputs: Float[Tensor, "examples ..."], targets: Tensor
    ) -> Float64[Tensor, "examples values"]:
        """Outputs minus targets.

        >>> Values().residuals(torch.tensor([[1.0], [2.0]]), torch.tensor([1.0, 1.5])).tolist()
        [[0.0], [0.5]]
        """
        rows = self.rows(outputs)
        return rows - targets.double().reshape(rows.shape)

    def rows(self, values: Tensor) -> Float64[Tensor, "examples values"]:
        """The values of each example in a row."""
        return values.double().reshape(len(values), -1)


Reading: TypeAlias = Classes | Values
