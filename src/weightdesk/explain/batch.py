"""The inputs of a model and the examples in them."""

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
        return self.take(self.inputs, [0])

    def take(self, values: Any, examples: Sequence[int] | Int64[Tensor, " examples"]) -> Any:
        """Some examples of every tensor that has them, in any structure; what else it holds stays.

        >>> Batch(None, 0, 3).take([torch.tensor([5, 6, 7]), torch.zeros(2)], [2, 0])
        [tensor([7, 5]), tensor([0., 0.])]
        """
        axis, chosen = self.axis, torch.as_tensor(examples)
        return tree_map(
            lambda each: each.index_select(axis, chosen.to(each.device)) if self.has_examples(each) else each,
            values,
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
