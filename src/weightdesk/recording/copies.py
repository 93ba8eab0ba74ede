"""Copies of tensors in the memory of the CPU, part of it asked for before the training begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from weightdesk.recording.gradients import local

_WHOLE: Final = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Integers by their size in bytes."""

WORTH_RESERVING: Final = 1 << 16
"""Bytes from which on memory is asked for before the training begins: 16 pages, which the kernel takes
longer to clear than a call takes. Of 2,000 small tensors the calls alone took 0.2 s."""

_FIRST_BLOCK: Final = 1 << 10
_LARGEST_BLOCK: Final = 1 << 16
"""Elements of the blocks for small copies. Each has twice those of the last, so that half of it is used."""

_ALIGNED: Final = 16
"""Elements at whose multiples copies begin: 16 of four bytes fill a line of the processor's cache."""


@dataclass
class _Block:
    """Memory for small copies of one type, and how many elements of it are in use."""

    memory: Tensor
    length: int
    used: int = 0


class SpareMemory:
    """Memory for copies of tensors on the CPU.

    That for large tensors may be asked for in advance, by name; each is given out once. Small ones lie one
    after another in common blocks: if each had memory of its own, they would lie between the gradients of the
    training, which are allocated again at every step, and drive them apart: with 500 small parameters every
    step took 4 % longer for good.

    >>> spare, large = SpareMemory(), torch.ones(1 << 14)
    >>> spare.reserve("w@gradient", large)
    >>> spare.copy("w@gradient", large)[:2], spare.take("w@gradient", large) is None
    (tensor([1., 1.]), True)
    """

    def __init__(self) -> None:
        self._free: dict[str, Tensor] = {}
        self._blocks: dict[torch.dtype, _Block] = {}

    def reserve(self, name: str, tensor: Tensor) -> None:
        """Ask for the memory of a copy of this tensor if that is worth it."""
        if tensor.nbytes >= WORTH_RESERVING:
            part = local(tensor)
            self._free[name] = torch.zeros(part.shape, dtype=part.dtype, device="cpu")

    def take(self, name: str, part: Tensor) -> Tensor | None:
        """Memory for a contiguous copy, if a large one was reserved or a small one has no gaps."""
        if part.numel() * part.element_size() < WORTH_RESERVING:
            return self._take_small(part) if part.is_contiguous() else None
        spare = self._free.pop(name, None)
        fits = spare is not None and spare.shape == part.shape and spare.dtype == part.dtype
        return spare if fits else None

    def clear(self) -> None:
        """Nothing to do: memory that was given out belongs to whoever has it."""

    def copy(self, name: str, tensor: Tensor) -> Tensor:
        """A contiguous copy of what of a tensor lies in this process."""
        part = local(tensor)
        if part.layout is torch.strided and (spare := self.take(name, part)) is not None:
            return spare.copy_(part)
        # A copy from another device is a new tensor already; waiting for it is the price of a snapshot.
        return part.clone(memory_format=torch.contiguous_format) if part.is_cpu else part.cpu().contiguous()

    def _take_small(self, part: Tensor) -> Tensor:
        count, block = part.numel(), self._blocks.get(part.dtype)
        if block is None or block.used + count > block.length:
            length = _FIRST_BLOCK if block is None else min(2 * block.length, _LARGEST_BLOCK)
            length = max(length, count)
            block = _Block(torch.empty(length, dtype=part.dtype, device="cpu"), length)
            self._blocks[part.dtype] = block
        start = block.used
        block.used = -(-(start + count) // _ALIGNED) * _ALIGNED
        return block.memory.as_strided(part.shape, part.stride(), start)


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
