"""A fixed choice of single weights, read at every step."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from weightdesk.recording.ranks import Shard
from weightdesk.statistics.measure import gather
from weightdesk.types import ParameterName

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


class Sampler:
    """Reads the sampled weights and their gradients, those of them that lie in this process.

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
        places = self.places
        self.length = sum(len(each) for each in places.values())
        ends = np.cumsum([0, *(len(each) for each in places.values())])
        self._spans = {name: slice(*ends[i : i + 2]) for i, name in enumerate(places)}
        self._owners = np.repeat(np.arange(len(places)), np.diff(ends))
        self._offsets: dict[tuple[tuple[int, ...], ...], npt.NDArray[np.int64]] = {}

    def read(self, tensors: Sequence[Tensor | None]) -> Samples:
        """Values at the sampled places of tensors, one a parameter in order; None gives NaN.

        Tensors on another device are read there and fetched when the samples are, so that the
        training does not wait for them.
        """
        if all(each is None or (each.is_cpu and not each.is_sparse) for each in tensors):
            return Samples(gather(tensors, self._owners, self._memory_places(tensors)))
        parts = [
            torch.full((len(wanted),), torch.nan, dtype=torch.float64)
            if tensor is None
            else pick(tensor, torch.from_numpy(wanted).to(tensor.device, non_blocking=True))
            for tensor, wanted in zip(tensors, self.places.values(), strict=True)
        ]
        return Samples(parts)

    def _memory_places(self, tensors: Sequence[Tensor | None]) -> npt.NDArray[np.int64]:
        layout = tuple(() if each is None else each.stride() for each in tensors)
        if layout not in self._offsets:
            offsets = np.zeros(self.length, np.int64)
            for tensor, (name, wanted) in zip(tensors, self.places.items(), strict=True):
                if tensor is not None and tensor.ndim:
                    index = np.unravel_index(wanted, tensor.shape)
                    offsets[self._spans[name]] = np.dot(tensor.stride(), index)
            self._offsets[layout] = offsets
        return self._offsets[layout]


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


class Samples:
    """Values that may still be on their way from another device."""

    def __init__(self, parts: npt.NDArray[np.float64] | list[Tensor]) -> None:
        self._parts = parts

    def fetch(self) -> npt.NDArray[np.float64]:
        """The values; waits for the device if it has to."""
        if isinstance(self._parts, list):
            self._parts = torch.cat([part.cpu() for part in self._parts]).numpy()
        return self._parts


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
