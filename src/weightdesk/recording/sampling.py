"""A fixed choice of single weights, read at every step."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from weightdesk.recording.ranks import Shard
from weightdesk.statistics import kernels
from weightdesk.statistics.measure import KINDS
from weightdesk.types import ParameterName, Step

PER_PARAMETER: Final = 16


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


class SampledStep(NamedTuple):
    """The sampled weights of one step, then their gradients.

    Attributes:
        step: optimizer steps done.
        values: an array, or tensors that are still on their device.
        without_gradient: which of the weights had none.
    """

    step: Step
    values: npt.NDArray[np.float64] | list[Tensor]
    without_gradient: npt.NDArray[np.bool_]

    def fetch(self) -> npt.NDArray[np.float64]:
        """The values as an array; waits for the device if it has to."""
        if isinstance(self.values, list):
            return torch.cat([part.cpu() for part in self.values]).numpy()
        return self.values


class Sampler:
    """Reads the sampled weights and their gradients, those of them that lie in this process.

    This runs at every step, straight after the processor's caches were filled with something else;
    each Python instruction costs several times what it costs in a loop. So all that can be is
    decided once, and decided again only when a weight has moved in memory or a gradient's strides
    are not those of its weight.

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
        self._pointers: list[int] = []
        self._strides: list[tuple[int, ...] | None] = []

    def read(self, step: Step, weights: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> SampledStep:
        """Values at the sampled places, one tensor a parameter, in the parameters' order.

        Tensors on another device are read there and fetched when the values are, so that the
        training does not wait for them.
        """
        pointers = [each.data_ptr() for each in weights]
        strides = [None if each is None or each.is_sparse else each.stride() for each in gradients]
        if pointers != self._pointers or strides != self._strides:
            self._prepare(weights, gradients)
            self._pointers, self._strides = pointers, strides
        if not self._direct:
            return SampledStep(step, self._pick([*weights, *gradients]), self._missing)
        pointers = pointers + [0 if each is None else each.data_ptr() for each in gradients]
        values = np.empty(len(self._owners))
        kernels.gather(np.array(pointers, np.uint64), self._kinds, self._owners, self._offsets, values)
        return SampledStep(step, values, self._missing)

    def _prepare(self, weights: Sequence[Tensor], gradients: Sequence[Tensor | None]) -> None:
        tensors = [*weights, *gradients]
        wanted = list(self.places.values())
        self._missing = np.repeat([each is None for each in gradients], [len(each) for each in wanted])
        self._direct = all(each is None or (each.is_cpu and not each.is_sparse) for each in tensors)
        if self._direct:
            self._kinds = np.array([0 if each is None else KINDS[each.dtype] for each in tensors], np.int8)
            offsets = map(_memory_places, tensors, wanted + wanted)
            self._offsets = np.concatenate([np.zeros(0, np.int64), *offsets])

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
