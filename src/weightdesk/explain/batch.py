"""Which entries of a tensor belong to which example of the batch.

A network may move the axis of the examples, or fold it together with that of the tokens. Where it
went is seen by comparing the shapes of one pass with those of another over the first example alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int64
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from weightdesk.errors import OptionError


@dataclass(frozen=True, eq=False)
class Batch:
    """The inputs of a model and the axis on which their examples lie.

    Attributes:
        inputs: a tensor, or a tuple of positional or a mapping of keyword arguments.
        axis: the axis of the examples; None where the inputs are a single example.
        size: number of examples.
    """

    inputs: Any
    axis: int | None
    size: int

    def first(self) -> Any:
        """The inputs of the first example alone.

        >>> batch_of((torch.zeros(5, 2), torch.eye(3))).first()[0].shape
        torch.Size([1, 2])
        """
        axis = self.axis
        if axis is None:
            return self.inputs
        return tree_map(
            lambda each: each.narrow(axis, 0, 1) if self.has_examples(each) else each, self.inputs
        )

    def has_examples(self, value: Any) -> bool:
        """Whether a value is a tensor with the examples on their axis."""
        axis = self.axis
        return (
            axis is not None
            and isinstance(value, Tensor)
            and value.ndim > axis
            and value.shape[axis] == self.size
        )


def batch_of(inputs: Any, axis: int | None = 0) -> Batch:
    """The batch of a model's inputs; its size is that of the first tensor.

    Raises:
        OptionError: the first tensor has no such axis.

    >>> batch_of({"x": torch.zeros(5, 2)}).size
    5
    """
    tensors = [each for each in tree_leaves(inputs) if isinstance(each, Tensor)]
    if axis is None or not tensors:
        return Batch(inputs, None, 1)
    if not 0 <= axis < tensors[0].ndim:
        shape = tuple(tensors[0].shape)
        raise OptionError(
            f"batch_dim {axis} is no axis of inputs of shape {shape}; pass an axis, or None for one example"
        )
    return Batch(inputs, axis, tensors[0].shape[axis])


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

    def places(
        self, positions: Int64[Tensor, " entries"], units: Sequence[int]
    ) -> Int64[Tensor, "entries axes"]:
        """The coordinates of each entry on the axes of neither examples nor units: tokens, rows, columns.

        >>> Layout((2, 8, 5, 5), examples=2, axis=0).places(torch.tensor([7]), [1])
        tensor([[1, 2]])
        """
        columns = list(torch.unravel_index(positions, self.shape))
        if self.axis is not None and self.block > 1:
            along = columns[self.axis]
            columns[self.axis] = along // self.examples if self.strided else along % self.block
        left_out = {*units, self.axis if self.block == 1 else None}
        kept = [each for axis, each in enumerate(columns) if axis not in left_out]
        return torch.stack(kept, dim=1) if kept else positions.new_empty(len(positions), 0)


def layout_of(tensor: Tensor, first: Tensor | None, batch: Batch) -> Layout:
    """Where the examples of a batch lie in a result of the network.

    Arguments:
        tensor: the result for the whole batch.
        first: the same result for the first example alone; without it, the axis of the inputs is meant.
        batch: the batch.

    >>> layout_of(torch.zeros(7, 4, 3), torch.zeros(7, 1, 3), batch_of(torch.zeros(4, 7))).axis
    1
    """
    shape, size = tuple(tensor.shape), batch.size
    axis, block = batch.axis, 1
    if size > 1 and first is not None and first.ndim == tensor.ndim:
        grown = [each for each in range(tensor.ndim) if shape[each] != first.shape[each]]
        axis = grown[0] if len(grown) == 1 else None
        block = first.shape[axis] if axis is not None else 1
    if axis is None or axis >= tensor.ndim or shape[axis] != size * block:
        return Layout(shape, size, None)
    return Layout(shape, size, axis, block, block > 1 and _alternates(tensor, first, axis, size))


def _alternates(tensor: Tensor, first: Tensor | None, axis: int, size: int) -> bool:
    assert first is not None
    moved, alone = tensor.detach().movedim(axis, 0), first.detach().movedim(axis, 0)
    block, every = (moved[: len(alone)] - alone).abs().sum(), (moved[::size] - alone).abs().sum()
    return bool(every < block)
