"""A fixed choice of single weights, read at every step that the cost budget allows."""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from weightdesk.recording.placement import Shard
from weightdesk.statistics.measure import KINDS, kernels
from weightdesk.statistics.memory import has_plain_memory
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

    One of each of as many parts of nearly the same length, at random. The choice depends on the seed and on
    the parameter's name and size alone: two runs of the same network sample the same weights.

    >>> choose({"fc.bias": 3})
    {'fc.bias': array([0, 1, 2])}
    """
    lengths = np.array(list(sizes.values()), np.int64)[:, None]
    edges = lengths * np.arange(per_parameter + 1) // per_parameter
    starts, widths = edges[:, :-1], np.maximum(1, np.diff(edges, axis=1))
    keys = [zlib.crc32(f"{seed} {name}".encode()) for name in sizes]
    places = starts + (_random_words(keys, per_parameter) % widths.astype(np.uint64)).astype(np.int64)
    return {
        name: chosen if size > per_parameter else np.arange(size)
        for chosen, (name, size) in zip(places, sizes.items(), strict=True)
    }


def _random_words(keys: Sequence[int], count: int) -> npt.NDArray[np.uint64]:
    """Random numbers of 64 bits, a row a key, of all keys at once: a generator for each takes 0.1 ms.

    Source: the generator SplitMix64 of Steele, Lea and Flood, "Fast splittable pseudorandom number
    generators", 2014, with the key in the upper half of its state.
    """
    state = np.array(keys, np.uint64)[:, None] << np.uint64(32)
    state = state + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    return state ^ (state >> np.uint64(31))


Places: TypeAlias = dict[ParameterName, npt.NDArray[np.int64]]
"""By parameter, row-major places in it."""


Floats: TypeAlias = npt.NDArray[np.float64]


class FormChangedError(Exception):
    """A parameter has another shape or type than when it was read last."""


@dataclass
class SampledSteps:
    """The sampled weights of some steps, and their gradients.

    Attributes:
        steps: optimizer steps done, one entry a row.
        values: a row a step: the weights, then their gradients; or tensors on their device instead.
        without_gradient: which of the weights had none.
        held: the chosen places that lie here, by parameter.
        count: rows that are filled.
        address: of the first value.
    """

    steps: npt.NDArray[np.int64]
    values: Floats | list[Tensor]
    without_gradient: npt.NDArray[np.bool_]
    held: Places
    count: int = 0
    address: int = 0

    def fetch(self) -> Floats:
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
        is_under_way: whether the step that was read last may be read again; set by whoever knows.
    """

    def __init__(
        self, chosen: Mapping[ParameterName, npt.NDArray[np.int64]], shards: Mapping[ParameterName, Shard]
    ) -> None:
        self._lock = threading.RLock()
        self._block: SampledSteps | None = None
        self._filled: list[SampledSteps] = []
        self._last_step: Step = -1
        self.is_under_way = False
        self.follow(chosen, shards)

    def follow(
        self, chosen: Mapping[ParameterName, npt.NDArray[np.int64]], shards: Mapping[ParameterName, Shard]
    ) -> None:
        """Read these weights from the next step on."""
        with self._lock:
            self._put_away()
            self.held: Places = {}
            self.places: Places = {}
            for name, wanted in chosen.items():
                self.held[name], self.places[name] = _in_shard(wanted, shards[name])
            lengths = [len(each) for each in self.places.values()]
            self._owners = np.repeat(np.arange(2 * len(lengths)), lengths + lengths)
            self._addresses = np.zeros(2 * len(lengths), np.uint64)
            self._memory = self._addresses.data.cast("B") if lengths else memoryview(bytearray())
            self._pack = struct.Struct(f"{2 * len(lengths)}Q").pack_into
            self._direct = False  # whether all is plain memory of the CPU
            self._pointers: list[int] = []
            self._strides: list[tuple[int, ...] | None] = []
            self._forms: list[tuple[torch.Size, torch.dtype]] | None = None

    def read(self, step: Step, weights: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
        """Read the sampled places of tensors, one a parameter, in the parameters' order.

        Tensors on another device are read there and fetched when the values are, so that the
        training does not wait for them.

        Raises:
            FormChangedError: a parameter has another shape or type than before; nothing was read.
        """
        if not self.places:  # all parameters have ended, or none can be measured
            return
        if step == self._last_step:
            self._withdraw(step)  # a step that failed is done again
        self._last_step = step
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
                self._filled.append(SampledSteps(np.array([step]), values, self._missing, self.held, 1))
                return
            block = self._block or self._new_block()
            self._pack(self._memory, 0, *pointers, *pointers_too)
            row = block.address + block.count * self._owners.nbytes  # as many bytes as float64 values
            _gather(*self._told, row, len(self._owners))
            block.steps[block.count] = step
            block.count += 1
            if block.count == len(block.steps):
                self._put_away()

    def read_gradients_again(
        self,
        step: Step,
        weights: Sequence[Tensor],
        gradients: Sequence[Tensor | None],
        names: Container[ParameterName],
    ) -> None:
        """Replace the gradients of some parameters in what `read` has read of this step."""
        with self._lock:
            before = self._withdraw(step)
            self.read(step, weights, gradients)
            after = self._last_filled()
            if before is not None and after is not None:
                self._restore(before, after, [name in names for name in self.places])

    def _restore(self, before: SampledSteps, after: SampledSteps, is_renewed: list[bool]) -> None:
        """Put into the last row of a block what it was, but for the gradients of some parameters."""
        if isinstance(before.values, list) and isinstance(after.values, list):
            stays = [*[True] * len(is_renewed), *(not renewed for renewed in is_renewed)]
            after.values[:] = [
                old if stay else new
                for stay, old, new in zip(stays, before.values, after.values, strict=True)
            ]
        elif not isinstance(before.values, list) and not isinstance(after.values, list):
            lengths = [len(places) for places in self.places.values()]
            same = np.concatenate([np.ones(sum(lengths), bool), ~np.repeat(is_renewed, lengths)])
            after.values[after.count - 1, same] = before.values[0, same]

    def _last_filled(self) -> SampledSteps | None:
        """The block with the step that was read last; None if nothing was since the last `take`."""
        block = self._block if self._block is not None and self._block.count else None
        return block or (self._filled[-1] if self._filled else None)

    def _withdraw(self, step: Step) -> SampledSteps | None:
        """Take back what was read of a step, if it has not been written yet."""
        with self._lock:
            block = self._last_filled()
            if block is None or block.steps[block.count - 1] != step:
                return None
            block.count -= 1
            if block is not self._block and not block.count:
                self._filled.pop()
            values = (
                block.values if isinstance(block.values, list) else block.values[block.count :][:1].copy()
            )
            return SampledSteps(np.array([step]), values, block.without_gradient, block.held, 1)

    def gradients_now(self, gradients: Sequence[Tensor | None]) -> Floats | None:
        """The sampled places of gradients, NaN where there are none, without keeping them.

        None before the first `read`, on other devices, for sparse gradients and if their strides are
        not those of the last ones.
        """
        if len(gradients) != len(self._strides) or any(
            each is not None and each.is_sparse for each in gradients
        ):
            return None
        strides = [None if each is None else each.stride() for each in gradients]
        with self._lock:
            if any(new is not None and new != old for new, old in zip(strides, self._strides, strict=True)):
                return None
            return self._values_now(gradients, slice(len(gradients), None))

    def weights_now(self, weights: Sequence[Tensor]) -> Floats | None:
        """The sampled places of weights that have not moved in memory since the last `read`."""
        with self._lock:
            is_same = list(map(_pointer, weights)) == self._pointers
            return self._values_now(weights, slice(0, len(weights))) if is_same else None

    def last_weights(self) -> Floats | None:
        """The weights that were read last; None on other devices, and if they are being written already."""
        with self._lock:
            block = self._last_filled()
            if (
                block is None
                or isinstance(block.values, list)
                or block.steps[block.count - 1] != self._last_step
            ):
                return None
            return block.values[block.count - 1, : len(self._owners) // 2].copy()

    def _values_now(self, tensors: Sequence[Tensor | None], part: slice) -> Floats | None:
        """Values at the sampled places of the first or the second half of what `read` reads."""
        if not self._direct:
            return None
        half, count = len(self._owners) // 2, len(tensors)
        values = slice(0, half) if part.start == 0 else slice(half, None)
        pointers = np.array([0 if each is None else each.data_ptr() for each in tensors], np.uint64)
        result = np.empty(half)
        arrays = (pointers, self._kinds[part], self._owners[:half], self._offsets[values], result)
        places = [array.ctypes.data for array in arrays]
        _gather(*places[:2], count, *places[2:], half)
        return result

    def take(self) -> list[SampledSteps]:
        """What was read since the last call, but for a step under way; for the writing thread."""
        with self._lock:
            under_way = self._withdraw(self._last_step) if self.is_under_way else None
            self._put_away()
            filled, self._filled = self._filled, [] if under_way is None else [under_way]
        return filled

    def _put_away(self) -> None:
        if self._block is not None and self._block.count:
            self._filled.append(self._block)
            self._block = None

    def _new_block(self) -> SampledSteps:
        rows = max(_LEAST_ROWS, _BLOCK // max(1, len(self._owners)))
        values = np.zeros((rows, len(self._owners)))
        self._block = SampledSteps(
            np.zeros(rows, np.int64), values, self._missing, self.held, address=values.ctypes.data
        )
        return self._block

    def _prepare(self, weights: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
        self._put_away()
        forms = [(each.shape, each.dtype) for each in weights]
        if self._forms is not None and forms != self._forms:
            raise FormChangedError
        self._forms = forms
        tensors = [*weights, *gradients]
        wanted = list(self.places.values())
        self._missing = np.repeat([each is None for each in gradients], [len(each) for each in wanted])
        self._direct = all(each is None or has_plain_memory(each) for each in tensors)
        if self._direct:
            self._kinds = np.array([0 if each is None else KINDS[each.dtype] for each in tensors], np.int8)
            offsets = map(_memory_places, tensors, wanted + wanted)
            self._offsets = np.concatenate([np.zeros(0, np.int64), *offsets])
            arrays = (self._addresses, self._kinds, self._owners, self._offsets)
            places = [array.ctypes.data for array in arrays]
            self._told = (*places[:2], len(tensors), *places[2:])

    def _pick(self, tensors: Sequence[Tensor | None]) -> list[Tensor]:
        return [
            torch.full((len(wanted),), torch.nan, dtype=torch.float64, device="cpu")
            if tensor is None
            else pick(tensor.detach(), torch.from_numpy(wanted).to(tensor.device, non_blocking=True))
            for tensor, wanted in zip(tensors, list(self.places.values()) * 2, strict=True)
        ]


def _memory_places(tensor: Tensor | None, wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Distances in memory of row-major places from the first element."""
    if tensor is None or not tensor.ndim:
        return np.zeros(len(wanted), np.int64)
    if tensor.is_contiguous():
        return wanted
    return np.asarray(np.dot(tensor.stride(), np.unravel_index(wanted, tensor.shape)), np.int64)


def _in_shard(
    wanted: npt.NDArray[np.int64], shard: Shard
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The places that lie in a shard, in the whole and in the shard."""
    if not shard.is_mine or 0 in shard.shape:
        return wanted[:0], wanted[:0]
    if shard.is_whole:
        return wanted, wanted
    index = np.stack(np.unravel_index(wanted, shard.frame)) - np.array(shard.start)[:, None]
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
