"""Which entries of a tensor belong to which example of the batch.

A network may move the axis of the examples, or fold it together with that of the tokens. Where it
went is seen by comparing the result of one pass with that of another over fewer examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from weightdesk.explain.batch import Batch


@dataclass(frozen=True)
class Layout:
    """Where the examples lie in a tensor.

    Attributes:
        shape: the tensor's shape.
        examples: number of examples.
        axis: the axis on which they lie; None where all share every entry.
        block: entries of one example on that axis.
        strided: whether the examples alternate on that axis, rather than each having its block.
    """

    shape: tuple[int, ...]
    examples: int
    axis: int | None
    block: int = 1
    strided: bool = False

    def samples(self, positions: Int64[Tensor, " entries"]) -> Int64[Tensor, " entries"]:
        """The example to which each entry belongs, given its row-major position; -1 where all share it.

        >>> Layout((4, 3), examples=2, axis=0, block=2).samples(torch.tensor([0, 5, 6]))
        tensor([0, 0, 1])
        """
        if self.axis is None:
            return torch.full_like(positions, 0 if self.examples == 1 else -1)
        along = torch.unravel_index(positions, self.shape)[self.axis]
        return along % self.examples if self.strided else along // self.block

    def rows(self, along: Int64[Tensor, " entries"]) -> Int64[Tensor, " entries"]:
        """Which of its example's entries each one on the axis of the examples is."""
        return along // self.examples if self.strided else along % self.block

    def along(self, example: int | Tensor, row: int | None = 0) -> int | Tensor | slice:
        """Where on the axis of the examples one of an example's entries lies; all of them for None.

        >>> Layout((6, 3), examples=2, axis=0, block=3, strided=True).along(1, None)
        slice(1, 7, 2)
        """
        start, step = (example, self.examples) if self.strided else (example * self.block, 1)
        return slice(start, start + self.block * step, step) if row is None else start + row * step

    def places(
        self, positions: Int64[Tensor, " entries"], units: Sequence[int]
    ) -> Int64[Tensor, "entries axes"]:
        """The coordinates of each entry on the axes of neither examples nor units: tokens, rows, columns.

        >>> Layout((2, 8, 5, 5), examples=2, axis=0).places(torch.tensor([7]), [1])
        tensor([[1, 2]])
        """
        columns = list(torch.unravel_index(positions, self.shape))
        if self.axis is not None and self.block > 1:
            columns[self.axis] = self.rows(columns[self.axis])
        left_out = {*units, self.axis if self.block == 1 else None}
        kept = [each for axis, each in enumerate(columns) if axis not in left_out]
        return torch.stack(kept, dim=1) if kept else positions.new_empty(len(positions), 0)


def layout_of(tensor: Tensor, first: Tensor | None, batch: Batch) -> Layout:
    """Where the examples of a batch lie in a result of the network.

    Arguments:
        tensor: the result for the whole batch.
        first: the same result for the first example alone; without it, the axis of the inputs is meant.
        batch: the batch.

    >>> from weightdesk.explain.batch import batch_of
    >>> layout_of(torch.zeros(7, 4, 3), torch.zeros(7, 1, 3), batch_of(torch.zeros(4, 7))).axis
    1
    """
    shape, size, axis = tuple(tensor.shape), batch.size, batch.axis
    block = 1
    if size > 1 and first is not None and first.ndim == tensor.ndim:
        grown = [each for each in range(tensor.ndim) if shape[each] != first.shape[each]]
        axis = grown[0] if len(grown) == 1 else None
        block = first.shape[axis] if axis is not None else 1
    if axis is None or axis >= tensor.ndim or shape[axis] != size * block:
        return Layout(shape, size, None)
    return layout_along(axis, tensor, first, size)


def layout_along(axis: int, tensor: Tensor, fewer: Tensor | None, size: int, few: int = 1) -> Layout:
    """Where the examples lie on an axis that is known to count them.

    Arguments:
        axis: of the tensor.
        tensor: the result for the whole batch.
        fewer: the same result for the first few examples; needed where an example has several entries.
        size: number of examples.
        few: how many examples the other result has.

    >>> folded = torch.tensor([1, 2, 3, 1, 2, 3])  # of three examples, two entries each
    >>> layout_along(0, folded, torch.tensor([1, 1]), 3).strided
    True
    """
    block = tensor.shape[axis] // size if size else 1
    strided = block > 1 and fewer is not None and _alternates(tensor, fewer, axis, size, few)
    return Layout(tuple(tensor.shape), size, axis, block, strided)


def _alternates(tensor: Tensor, fewer: Tensor, axis: int, size: int, few: int) -> bool:
    """Whether the entries of one example lie apart, one for each example between, or side by side."""
    every, other = tensor.detach().movedim(axis, 0), fewer.detach().movedim(axis, 0)
    both = slice(min(size, few))  # the examples that both have
    each = every.shape[1:]
    apart = every.reshape(-1, size, *each)[:, both] - other.reshape(-1, few, *each)[:, both]
    beside = every.reshape(size, -1, *each)[both] - other.reshape(few, -1, *each)[both]
    return bool(apart.abs().sum() < beside.abs().sum())
