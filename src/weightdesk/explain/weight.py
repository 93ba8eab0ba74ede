"""One weight of a live model: found by its name and index, and found again in any view of its storage."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import SupportsIndex

import numpy as np
from torch import Tensor, nn

from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.explain.parameter import known_name
from weightdesk.types import Index, ParameterName


@dataclass(frozen=True, eq=False)
class Weight:
    """One element of a parameter of a live model.

    Attributes:
        name: the parameter's name; of a tied one, that which was asked for.
        index: its place in the parameter, never negative.
        parameter: the parameter.
    """

    name: ParameterName
    index: Index
    parameter: nn.Parameter

    def __str__(self) -> str:
        return address(self.name, self.index)

    @property
    def position(self) -> int:
        """Its row-major place in the parameter."""
        return int(np.ravel_multi_index(self.index, self.parameter.shape))

    def shares_storage(self, tensor: Tensor | None) -> bool:
        """Whether a tensor is the parameter or a view of it."""
        if tensor is None:
            return False
        return tensor.untyped_storage().data_ptr() == self.parameter.untyped_storage().data_ptr()

    def element(self, gradient: Tensor | None) -> float:
        """Its element of a gradient of the parameter, dense or sparse; 0 where there is none."""
        if gradient is None:
            return 0.0
        return (gradient.to_dense() if gradient.is_sparse else gradient)[self.index].item()

    def within(self, view: Tensor) -> Index | None:
        """Its index in a view of the parameter, transposed, cut or reshaped; None where it is not in it.

        >>> layer = nn.Linear(3, 2)
        >>> weight = find_weight(layer, "weight", (1, 2))
        >>> weight.within(layer.weight.t()), weight.within(layer.weight[:1])
        ((2, 1), None)
        """
        steps = zip(self.index, self.parameter.stride(), strict=True)
        start = int(self.parameter.storage_offset()) - int(view.storage_offset())
        left = start + sum(i * step for i, step in steps)
        if left < 0:
            return None
        found = [0] * view.ndim
        for axis in sorted(range(view.ndim), key=view.stride, reverse=True):
            if view.shape[axis] > 1 and view.stride(axis):
                found[axis], left = divmod(left, view.stride(axis))
        inside = all(i < size for i, size in zip(found, view.shape, strict=True))
        return tuple(found) if inside and not left else None


def address(name: ParameterName, index: Index) -> str:
    """How a weight is written.

    >>> address("fc.weight", (0, 3))
    'fc.weight[0, 3]'
    """
    return f"{name}[{', '.join(map(str, index))}]"


def find_weight(
    model: nn.Module, name: ParameterName, index: SupportsIndex | Iterable[SupportsIndex]
) -> Weight:
    """The weight of a model with this name and index; negative indices count from the end.

    Raises:
        UnknownParameterError: the model has no such parameter.
        IndexRangeError: the index has another length than the parameter's shape, or lies outside it.
        OptionError: the parameter holds no real numbers.

    >>> str(find_weight(nn.Linear(3, 2), "weight", (1, -1)))
    'weight[1, 2]'
    """
    name = known_name(model, name)
    parameter = model.get_parameter(name)
    if not parameter.is_floating_point():
        raise OptionError(f"{name} holds {parameter.dtype}, which has no gradient; choose a real parameter")
    return Weight(name, _checked(name, index, tuple(parameter.shape)), parameter)


def _checked(name: str, index: SupportsIndex | Iterable[SupportsIndex], shape: tuple[int, ...]) -> Index:
    asked = tuple(map(operator.index, index if isinstance(index, Iterable) else (index,)))
    inside = len(asked) == len(shape) and all(-size <= i < size for i, size in zip(asked, shape, strict=True))
    if not inside:
        ranges = ", ".join(f"0..{size - 1}" for size in shape)
        raise IndexRangeError(
            f"{name} has no weight {asked}; its shape is {shape}, so choose from ({ranges})"
        )
    return tuple(i % size for i, size in zip(asked, shape, strict=True))
