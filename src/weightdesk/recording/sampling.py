"""A fixed choice of single weights, read at every step."""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from weightdesk.recording.ranks import Shard
from weightdesk.statistics.measure import KINDS, kernels
from weightdesk.types import ParameterName, Step

PER_PARAMETER: Final = 16

# Mapped over lists of tensors: no bytecode runs between one tensor and the next.
_pointer: Final[Callable[[Any], int]] = Tensor.data_ptr
_stride: Final[Callable[[Any], tuple[int, ...] | None]] = Tensor.stride

_gather: Final = kernels["gather"]

_BLOCK: Final = 1 << 17  # values
_LEAST_ROWS: Final = 16


def choose(
    sizes: Mapping[ParameterName, int], seed: int = 0, per_parameter: int = PER_PARAMETER
) -> dict[ParameterName, npt.NDArray[np.int64]]:
    """Row-major places of the weights that are sampled in each parameter, ascending.

    The choice depends on the seed and on the parameter's name and size alone: two runs of the same
    network sample the same weights.

    >>> choose({"fc.bias": 3})
    {'fc.bias': array([0, 1, 2])}
    """
    return {
        name: np.sort(
            np.random.default_rng([seed, zlib.crc32(name.encode())]).choice(
                size, min(size, per_parameter), replace=False
            )
        )
        for name, size in sizes.items()
    }


@dataclass
class SampledSteps:
    """The sampled weights of some steps, and their gradients.

    Attributes:
        steps: optimizer steps done, one entry a row.
        values: a row a step: the weights, then their gradients; or tensors on their device instead.
        without_gradient: which of the weights had none.
        count: rows that are filled.
        address: of the first value.
    """

    steps: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64] | list[Tensor]
    without_gradient: npt.NDArray[np.bool_]
    count: int = 0
    address: int = 0

    def fetch(self) -> npt.NDArray[np.float64]:
        """The filled rows as an array; waits for the device if it has to."""
        if isinstance(self.values, list):
            return torch.cat([part.cpu() for part in self.values]).numpy()[None]
        return self.values[: self.count]


class Sampler:
    """Reads the sampled weights and their gradients, those of them that lie in this process.

    This runs at every step, straight after the processor's caches were filled with something else:
    there an instruction costs several times, and asking for memory a hundred times, what it costs
    in a loop. So values go into a block that was made before, and what can be decided once is
    decided again only when a weight has moved in memory or a gradient's strides have changed.

    Arguments:
        chosen: for each parameter the row-major places of its sampled weights.
        shards: for each parameter what part of it lies here.

    Attributes:
        held: the chosen places that lie here.
        places: the same, as row-major places in the local part.
    """

    def __init__(
        self, chosen: Mapping[ParameterName, npt.NDArray[np.int64]], shards: Mapping[ParameterName, Shard]
    ) -> None:
        self.held: dict[ParameterName, npt.NDArray[np.int64]] = {}
        self.places: dict[ParameterName, npt.NDArray[np.int64]] = {}
        for name, wanted in chosen.items():
            self.held[name], self.places[name] = _in_shard(wanted, shards[name])
        lengths = [len(each) for each in self.places.values()]
        self._owners = np.repeat(np.arange(2 * len(lengths)), lengths + lengths)
        self._addresses = np.zeros(2 * len(lengths), np.uint64)
        self._memory = self._addresses.data.cast("B") if lengths else memoryview(bytearray())
        self._pack = struct.Struct(f"{2 * len(lengths)}Q").pack_into
        self._pointers: list[int] = []
        self._strides: list[tuple[int, ...] | None] = []
        self._lock = threading.Lock()
        self._block: SampledSteps | None = None
        self._last: SampledSteps | None = None
        self._filled: list[SampledSteps] = []

    def read(self, step: Step, weights: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
        """Read the sampled places of tensors, one a parameter, in the parameters' order.

        Tensors on another device are read there and fetched when the values are, so that the
        training does not wait for them.
        """
        pointers = list(map(_pointer, weights))
        try:
            strides = list(map(_stride, gradients))
            pointers_too = list(map(_pointer, gradients))
        except (TypeError, RuntimeError):  # None or sparse among them
            strides = [None if each is None or each.is_sparse else each.stride() for each in gradients]
            pointers_too = [0 if each is None or each.is_sparse else each.data_ptr() for each in gradients]
        with self._lock:
            if pointers != self._pointers or strides != self._strides:
                self._prepare(weights, gradients)
                self._pointers, self._strides = pointers, strides
            if not self._direct:
                values = self._pick([*weights, *gradients])
                self._filled.append(SampledSteps(np.array([step]), values, self._missing, 1))
                return
            block = self._block or self._new_block()
            self._pack(self._memory, 0, *pointers, *pointers_too)
            row = block.address + block.count * self._owners.nbytes  # as many bytes as float64 values
            _gather(*self._told, row, len(self._owners))
            block.steps[block.count] = step
            block.count += 1
            if block.count == len(block.steps):
                self._put_away()

    def last_gradients(self) -> npt.NDArray[np.float64] | None:
        """The gradients that were read last, NaN where there were none; None before, and on other devices."""
        if self._last is None or isinstance(self._last.values, list) or not self._last.count:
            return None
        row = self._last.values[self._last.count - 1]
        return np.where(self._last.without_gradient, np.nan, row[len(row) // 2 :])

    def last_weights(self) -> npt.NDArray[np.float64] | None:
        """The weights that were read last; None before, and on other devices."""
        if self._last is None or isinstance(self._last.values, list) or not self._last.count:
            return None
        row: npt.NDArray[np.float64] = self._last.values[self._last.count - 1]
        return row[: len(row) // 2]

    def take(self) -> list[SampledSteps]:
        """What was read since the last call; for the writing thread."""
        with self._lock:
            self._put_away()
            filled, self._filled = self._filled, []
        return filled

    def _put_away(self) -> None:
        if self._block is not None and self._block.count:
            self._filled.append(self._block)
            self._block = None

    def _new_block(self) -> SampledSteps:
        rows = max(_LEAST_ROWS, _BLOCK // max(1, len(self._owners)))
        values = np.zeros((rows, len(self._owners)))
        self._block = SampledSteps(
            np.zeros(rows, np.int64), values, self._missing, address=values.ctypes.data
        )
        self._last = self._block
        return self._block

    def _prepare(self, weights: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
        self._put_away()
        tensors = [*weights, *gradients]
        wanted = list(self.places.values())
        self._missing = np.repeat([each is None for each in gradients], [len(each) for each in wanted])
        self._direct = all(each is None or (each.is_cpu and not each.is_sparse) for each in tensors)
        if self._direct:
            self._kinds = np.array([0 if each is None else KINDS[each.dtype] for each in tensors], np.int8)
            offsets = map(_memory_places, tensors, wanted + wanted)
            self._offsets = np.concatenate([np.zeros(0, np.int64), *offsets])
            arrays = (self._addresses, self._kinds, self._owners, self._offsets)
            places = [array.ctypes.data for array in arrays]
            self._told = (*places[:2], len(tensors), *places[2:])

    def _pick(self, tensors: Sequence[Tensor | None]) -> list[Tensor]:
        return [
            torch.full((len(wanted),), torch.nan, dtype=torch.float64)
            if tensor is None
            else pick(tensor.detach(), torch.from_numpy(wanted).to(tensor.device, non_blocking=True))
            for tensor, wanted in zip(tensors, list(self.places.values()) * 2, strict=True)
        ]


def _memory_places(tensor: Tensor | None, wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Distances in memory of row-major places from the first element."""
    if tensor is None or not tensor.ndim:
        return np.zeros(len(wanted), np.int64)
    return np.asarray(np.dot(tensor.stride(), np.unravel_index(wanted, tensor.shape)), np.int64)


def _in_shard(
    wanted: npt.NDArray[np.int64], shard: Shard
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The places that lie in a shard, in the whole and in the shard."""
    if not shard.is_mine or 0 in shard.shape:
        return wanted[:0], wanted[:0]
    if not shard.whole:
        return wanted, wanted
    index = np.stack(np.unravel_index(wanted, shard.whole)) - np.array(shard.start)[:, None]
    inside = np.all((index >= 0) & (index < np.array(shard.shape)[:, None]), axis=0)
    return wanted[inside], np.ravel_multi_index(tuple(index[:, inside]), shard.shape)


def pick(tensor: Tensor, places: Tensor) -> Tensor:
    """Elements at row-major places, as float64 on the tensor's device, without waiting for it.

    A sparse tensor is not made dense: places that it does not hold are zero.

    >>> pick(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([0, 3])).tolist()
    [1.0, 4.0]
    """
    if tensor.is_sparse:
        return _pick_sparse(tensor.coalesce(), places)
    return tensor[torch.unravel_index(places, tensor.shape)].double()


def _pick_sparse(tensor: Tensor, places: Tensor) -> Tensor:
    held = tensor.shape[: tensor.sparse_dim()]
    row_length = tensor.shape[tensor.sparse_dim() :].numel()
    strides = torch.tensor([held[axis + 1 :].numel() for axis in range(len(held))], device=tensor.device)
    rows = (tensor.indices() * strides[:, None]).sum(0)  # ascending, since coalesced
    if not len(rows):
        return torch.zeros(len(places), dtype=torch.float64, device=tensor.device)
    wanted = places // row_length
    found = torch.searchsorted(rows, wanted).clamp(max=len(rows) - 1)
    values = tensor.values().reshape(len(rows), row_length)[found, places % row_length].double()
    return torch.where(rows[found] == wanted, values, 0.0)
