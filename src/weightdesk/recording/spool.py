"""Tensors put aside on the disk for a moment, when the memory for a copy of them is too much.

What is written and read back within a step stays in the page cache: it reaches no disk, it takes no
longer than a copy into fresh memory, and the kernel may take its memory back when something else
needs it.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor

from weightdesk.runs.tensorfile import Slot, bytes_of, flat_blocks, read_blocks, write_at


@dataclass(frozen=True, eq=False)
class SpooledTensor:
    """A tensor that lies in a spool.

    Attributes:
        file: of the spool.
        place: of its first byte there.
        slot: its type and shape.
    """

    file: FileIO
    place: int
    slot: Slot

    @property
    def dtype(self) -> torch.dtype:
        """Type of its elements."""
        return self.slot.dtype

    def copy_(self, tensor: Tensor) -> None:
        """Write another tensor of this type and shape over it."""
        write_at(self.file, self.place, map(bytes_of, flat_blocks(tensor)))

    def blocks(self) -> Iterator[Shaped[Tensor, " elements"]]:
        """The elements in row-major order; a block is to be used before the next one is asked for."""
        return read_blocks(self.file, self.place, self.slot)


class Spool:
    """A file without a name, which vanishes with the spool or with its process.

    Arguments:
        folder: on the disk that is to take it.

    >>> spool = Spool(Path(tempfile.gettempdir()))
    >>> one, other = spool.copy("a", torch.ones(2)), spool.copy("b", torch.zeros(3, dtype=torch.int64))
    >>> [block.tolist() for block in one.blocks()], [block.tolist() for block in other.blocks()]
    ([[1.0, 1.0]], [[0, 0, 0]])
    >>> spool.clear()
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: Any = None
        self._end = 0

    def copy(self, _name: str, tensor: Tensor) -> SpooledTensor:
        """Put a tensor aside; its name, for which `SpareMemory.copy` has memory, is of no importance."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115
            weakref.finalize(self, self._file.close)
        spooled = SpooledTensor(self._file, self._end, Slot.of(tensor))
        self._end += spooled.slot.nbytes
        spooled.copy_(tensor)
        return spooled

    def clear(self) -> None:
        """Forget all tensors and give their room back."""
        if self._file is not None:
            self._file.truncate(0)
        self._end = 0
