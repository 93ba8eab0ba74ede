"""Measure many tensors in one call: hands their addresses to the kernels and shares out the work.

A recording asks for the same tensors at every step, so what depends on their sizes alone is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from weightdesk.statistics import compiled, layout
from weightdesk.statistics.team import together

kernels: Final = compiled.load()

KINDS: Final = {
    torch.float32: layout.FLOAT32,
    torch.float64: layout.FLOAT64,
    torch.bfloat16: layout.BFLOAT16,
    torch.float16: layout.FLOAT16,
}

# Below this many elements a thread, waking another thread takes longer than what it would save.
_WORTH_A_THREAD: Final = 1 << 17


@dataclass(frozen=True)
class Measurements:
    """What the kernels found in `t` tensors.

    Attributes:
        totals: one row a tensor, with the columns named in `layout.py`.
        histograms: one row a tensor, counts by the top nine bits of a float32.

    """

    totals: npt.NDArray[np.float64]
    histograms: npt.NDArray[np.int64]

    def __getitem__(self, part: slice | list[int]) -> Measurements:
        """The measurements of some of the tensors."""
        return Measurements(self.totals[part], self.histograms[part])

    @classmethod
    def joined(cls, parts: Sequence[Measurements]) -> Measurements:
        """Measurements of tensors that were measured in several calls."""
        return cls(
            np.concatenate([part.totals for part in parts]),
            np.concatenate([part.histograms for part in parts]),
        )

    def collect(self) -> Measurements:
        """These measurements: they wait for no device."""
        return self


class _Scratch(threading.local):
    """Working memory for the team of each thread that measures; the kernels leave it as they need it."""

    def __init__(self) -> None:
        self._words, self._address = np.zeros(0, np.int64), 0

    def address(self, workers: int) -> int:
        if len(self._words) < workers * layout.SCRATCH:
            self._words = np.zeros(workers * layout.SCRATCH, np.int64)
            self._address = self._words.ctypes.data
        return self._address


_scratch: Final = _Scratch()


def in_memory_order(tensor: Tensor) -> Tensor:
    """The elements as one vector, in the order in which they lie in memory.

    Statistics do not depend on the order, so a tensor without gaps is never copied, whatever its
    strides; one with gaps is.

    >>> in_memory_order(torch.zeros(2, 3).t()).shape
    torch.Size([6])
    """
    tensor = tensor.detach()
    if tensor.is_contiguous():
        return tensor.view(-1)
    strides = tensor.stride()
    ordered = tensor.permute(sorted(range(tensor.ndim), key=strides.__getitem__, reverse=True))
    return (ordered if ordered.is_contiguous() else tensor.contiguous()).view(-1)


def measure(
    tensors: Sequence[Tensor], before: Sequence[Tensor | None] | None = None, threads: int | None = None
) -> Measurements:
    """Read every tensor once and count, sum and compare its elements.

    Arguments:
        tensors: on the CPU, any shape, strides and floating-point type of `KINDS`.
        before: for each tensor what to subtract from it first (same shape, strides and type), or
            None. The subtraction is the tensor's own: float32 minus float32 gives a float32.
        threads: at most this many; as torch by default. The result does not depend on it.

    >>> measure([torch.tensor([1.0, -2.0, 0.0])]).totals[0, layout.ABS_SUM].item()
    3.0

    """
    flat = [each if each.is_contiguous() else in_memory_order(each) for each in tensors]
    earlier = [None if old is None else in_memory_order(old) for old in before or ()]
    work = _work(tuple([tensor.numel() for tensor in flat]), tuple([tensor.dtype for tensor in flat]))
    workers = max(1, min(threads or torch.get_num_threads(), work.elements // _WORTH_A_THREAD))
    # One piece of memory for all, since asking NumPy for an address takes longer than the rest of this.
    ends = work.ends
    words = np.zeros(ends[-1] + workers * len(flat) * layout.BINS, np.int64)
    address = words.ctypes.data
    plan, befores, rows, totals, histograms = [address + 8 * end for end in (0, *ends[1:])]
    words[ends[0] : ends[0] + len(flat)] = [tensor.data_ptr() for tensor in flat]
    if earlier:
        words[ends[1] : ends[1] + len(earlier)] = [0 if old is None else old.data_ptr() for old in earlier]
    words[: layout.PLAN] = (
        plan + 8 * ends[0], befores, work.kinds_address, len(flat), work.chunks_address, len(work.chunks),
        rows, histograms, _scratch.address(workers), workers, 0, 0,
    )  # fmt: skip
    together(kernels["describe_chunks"], plan, workers)
    kernels["merge_chunks"](work.chunks_address, len(work.chunks), rows, totals, len(flat))
    counts = words[ends[-1] :].reshape(workers, len(flat), layout.BINS)
    return Measurements(
        words[ends[3] : ends[4]].view(np.float64).reshape(-1, layout.FIELDS),
        counts.sum(axis=0) if workers > 1 else counts[0],
    )


def merge(parts: Sequence[Measurements]) -> Measurements:
    """Measurements of tensors that came in parts: the first of each part is one tensor, and so on.

    >>> halves = [measure([torch.tensor([1.0, 2.0])]), measure([torch.tensor([6.0])])]
    >>> merge(halves).totals[0, [layout.COUNT, layout.MEAN]].tolist()
    [3.0, 3.0]
    """
    if len(parts) == 1:
        return parts[0]
    rows, tensors = np.concatenate([part.totals for part in parts]), len(parts[0].totals)
    owners = np.zeros((len(rows), 3), np.int64)
    owners[:, 0] = np.tile(np.arange(tensors), len(parts))
    totals = np.empty((tensors, layout.FIELDS))
    kernels["merge_chunks"](owners.ctypes.data, len(rows), rows.ctypes.data, totals.ctypes.data, tensors)
    return Measurements(totals, np.sum([part.histograms for part in parts], axis=0))


class _Work:
    """What of a plan depends on the sizes and types of the tensors alone.

    Arguments:
        sizes: number of elements of each tensor.
        dtypes: of the tensors.

    Attributes:
        chunks: (tensor, first element, element after the last) of every chunk of every tensor.
        elements: of all tensors.
        ends: after how many words the plan ends, the addresses, those of what is subtracted, the rows of
            the chunks and the totals of the tensors.
    """

    def __init__(self, sizes: tuple[int, ...], dtypes: tuple[torch.dtype, ...]) -> None:
        cut = [
            (tensor, start, min(start + layout.CHUNK, size))
            for tensor, size in enumerate(sizes)
            for start in range(0, size, layout.CHUNK)
        ]
        self.chunks = np.array(cut, np.int64).reshape(-1, 3)
        self.elements = sum(sizes)
        self._kinds = np.array([KINDS[dtype] for dtype in dtypes], np.int8)
        self.chunks_address, self.kinds_address = self.chunks.ctypes.data, self._kinds.ctypes.data
        fields = layout.FIELDS
        lengths = (layout.PLAN, len(sizes), len(sizes), len(cut) * fields, len(sizes) * fields)
        self.ends = tuple(accumulate(lengths))


_work = lru_cache(maxsize=64)(_Work)
