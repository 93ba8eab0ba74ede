"""Which part of a tensor lies in this process, and which process records it.

A part that several processes hold is recorded by one of them, so that nothing is counted twice. The
rule needs no communication: of replicas the first along each dimension of the mesh records, and only
meshes that contain process 0 count, because that process writes the list of parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from torch import Tensor

from weightdesk.recording.gradients import local

_Indices: TypeAlias = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Shard:
    """The part of a tensor that lies in this process: a block of the tensor, or of its flat form.

    Attributes:
        whole: shape of the tensor.
        start: index of the part's first element.
        shape: of the part.
        is_mine: whether this process records the part; false if another one does, and if it is empty.
        is_flat: whether the part is a slice of the tensor's elements in row-major order; `start` and
            `shape` then have one entry.
    """

    whole: tuple[int, ...]
    start: tuple[int, ...]
    shape: tuple[int, ...]
    is_mine: bool = True
    is_flat: bool = False

    @property
    def frame(self) -> tuple[int, ...]:
        """Shape in which the part is a block.

        >>> Shard((3, 4), (2,), (5,), is_flat=True).frame
        (12,)
        """
        return (math.prod(self.whole),) if self.is_flat else self.whole

    @property
    def region(self) -> tuple[slice, ...]:
        """Index of the part in the frame.

        >>> Shard((3, 4), (1, 0), (2, 4)).region
        (slice(1, 3, None), slice(0, 4, None))
        """
        return tuple(
            slice(start, start + length) for start, length in zip(self.start, self.shape, strict=True)
        )

    @property
    def is_whole(self) -> bool:
        """Whether the part is the whole tensor."""
        return math.prod(self.shape) == math.prod(self.whole)

    @property
    def holds_first(self) -> bool:
        """Whether this process records the tensor's first element, and with it what exists once a tensor."""
        return self.is_mine and not any(self.start)


def entire(tensor: Tensor, *, is_mine: bool) -> Shard:
    """A tensor that this process holds as a whole.

    >>> entire(Tensor([[1.0, 2.0]]), is_mine=True)
    Shard(whole=(1, 2), start=(0, 0), shape=(1, 2), is_mine=True, is_flat=False)
    """
    return _whole(tuple(tensor.shape), is_mine)


@lru_cache
def _whole(shape: tuple[int, ...], is_mine: bool) -> Shard:
    return Shard(shape, (0,) * len(shape), shape, is_mine)


def is_distributed(tensor: Any) -> bool:
    """Whether a tensor is a DTensor. Importing the class takes longer than all that recording needs."""
    return hasattr(tensor, "to_local") and hasattr(tensor, "placements")


def placed_shard(tensor: Any) -> Shard | None:
    """Where the local part of a DTensor lies; None if it is a partial sum or in several blocks."""
    whole, mesh = tuple(tensor.shape), tensor.device_mesh
    coordinate = mesh.get_coordinate()
    if any(placement.is_partial() for placement in tensor.placements):
        return None
    if coordinate is None:  # this process is outside the mesh
        return Shard(whole, (0,) * len(whole), (0,) * len(whole), is_mine=False)
    mine = bool((mesh.mesh == 0).any())
    cuts: list[list[tuple[int, int]]] = [[] for _ in whole]
    places: list[list[int]] = [[] for _ in whole]
    for place, parts, placement in zip(coordinate, mesh.shape, tensor.placements, strict=True):
        if placement.is_replicate():
            mine = mine and place == 0
        else:
            cuts[placement.dim].append((parts, getattr(placement, "split_factor", 1)))
            places[placement.dim].append(place)
    spans = [_spans(length, tuple(cut)) for length, cut in zip(whole, cuts, strict=True)]
    if None in spans:
        return None
    held = [span[tuple(place)] for span, place in zip(spans, places, strict=True) if span is not None]
    start, shape = tuple(first for first, _ in held), tuple(length for _, length in held)
    if shape != tuple(local(tensor).shape):
        return None
    return Shard(whole, start, shape, mine and 0 not in shape)


def holders(tensor: Any) -> frozenset[int]:
    """Numbers of the processes that record a part of a DTensor."""
    first = tuple(0 if placement.is_replicate() else slice(None) for placement in tensor.placements)
    return frozenset(tensor.device_mesh.mesh[first].flatten().tolist())


@lru_cache(maxsize=256)  # the parameters of a model have few lengths, and a mesh may have many places
def _spans(length: int, cuts: tuple[tuple[int, int], ...]) -> dict[tuple[int, ...], tuple[int, int]] | None:
    """First index and number of indices of a dimension at every place of the mesh.

    Asked for all places, so that all processes come to the same answer.

    Arguments:
        length: of the dimension.
        cuts: in this order, into how many parts, each of how many chunks.

    Returns:
        None if a place holds indices with gaps between them.

    >>> _spans(5, ((2, 1),))
    {(0,): (0, 3), (1,): (3, 2)}
    >>> _spans(5, ((2, 2),))  # chunks 0 to 2 and 3 to 4, each cut in two
    """
    spans = {}
    for places in product(*(range(parts) for parts, _ in cuts)):
        indices = np.arange(length)
        for place, (parts, factor) in zip(places, cuts, strict=True):
            indices = _cut(indices, place, parts, factor)
        if len(indices) and indices[-1] - indices[0] + 1 != len(indices):
            return None
        spans[places] = int(indices[0]) if len(indices) else 0, len(indices)
    return spans


def _cut(indices: _Indices, place: int, parts: int, chunks: int) -> _Indices:
    """The indices at one place of a mesh dimension, cut as `torch.chunk` cuts.

    FSDP2 over tensor parallelism cuts a dimension that will be cut into `chunks` once more: every chunk is
    cut, and a place holds its piece of each.
    """
    return np.concatenate([_chunk(chunk, parts)[place] for chunk in _chunk(indices, chunks)])


def _chunk(indices: _Indices, parts: int) -> list[_Indices]:
    length = -(-len(indices) // parts)
    return [indices[i * length : (i + 1) * length] for i in range(parts)]
