"""Copies of tensors in the memory of the CPU, part of it asked for before the training begins."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from weightdesk.recording.gradients import local

_WHOLE: Final = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Integers by their size in bytes."""


WORTH_RESERVING: Final = 1 << 16
"""Bytes from which on memory is asked for before the training begins: 16 pages, which the kernel takes
longer to clear than a call takes. Of 2,000 small tensors the calls alone took 0.2 s."""


class SpareMemory:
    """Memory for copies of large tensors by name, each of which is given out once.

    >>> spare, large = SpareMemory(), torch.ones(1 << 14)
    >>> spare.reserve("w@gradient", large)
    >>> spare.copy("w@gradient", large)[:2], spare.take("w@gradient")
    (tensor([1., 1.]), None)
    """

    def __init__(self) -> None:
        self._free: dict[str, Tensor] = {}

    def reserve(self, name: str, tensor: Tensor) -> None:
        """Ask for the memory of a copy of this tensor if that is worth it."""
        if tensor.nbytes >= WORTH_RESERVING:
            part = local(tensor)
            self._free[name] = torch.zeros(part.shape, dtype=part.dtype, device="cpu")

    def take(self, name: str) -> Tensor | None:
        """The memory of this name, where there is some left."""
        return self._free.pop(name, None)

    def clear(self) -> None:
        """Nothing to do: memory that was given out belongs to whoever has it."""

    def copy(self, name: str, tensor: Tensor) -> Tensor:
        """A contiguous copy of what of a tensor lies in this process."""
        part, spare = local(tensor), self.take(name)
        if spare is not None and spare.shape == part.shape and spare.dtype == part.dtype:
            return spare.copy_(part)
        # A copy from another device is a new tensor already; waiting for it is the price of a snapshot.
        return part.clone(memory_format=torch.contiguous_format) if part.is_cpu else part.cpu().contiguous()


def same_form_and_bits(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors on one device have the same shape and hold the same bits.

    >>> same_form_and_bits(torch.ones(2), torch.ones(1, 2)), same_form_and_bits(torch.ones(2), torch.ones(2))
    (False, True)
    """
    return one.shape == other.shape and same_bits(one, other)


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors on one device hold the same bits: a NaN is itself, and 0 is not −0.

    >>> same_bits(torch.tensor([torch.nan]), torch.tensor([torch.nan]))
    True
    >>> same_bits(torch.tensor([0.0]), torch.tensor([-0.0]))
    False
    """
    if one.dtype != other.dtype:
        return False
    whole = _WHOLE[one.element_size()]
    return torch.equal(one.view(whole), other.view(whole))
