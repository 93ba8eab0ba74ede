"""Which process records what when several train one model.

With data parallelism every process holds the same weights, so the first one records and the others
do nothing. Under FSDP2 and tensor parallelism each process holds a shard of a parameter and
records that; no process ever waits for another in the training loop.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch.distributed as distributed
from torch import Tensor

from weightdesk.errors import WatchError


@dataclass(frozen=True)
class Rank:
    """A process among those that train together.

    Attributes:
        number: 0 for the first, or where there is only one.
        count: of processes.
        sharded: whether parameters are cut up among them.
    """

    number: int = 0
    count: int = 1
    sharded: bool = False

    @property
    def is_alone(self) -> bool:
        """Whether a gradient is final once backward has left it: no other process adds to it."""
        return self.count == 1 and not self.sharded

    @property
    def is_silent(self) -> bool:
        """Whether this process has nothing to record that another one does not have."""
        return self.number > 0 and not self.sharded


@dataclass(frozen=True)
class Shard:
    """The part of a tensor that lies in this process.

    Attributes:
        whole: shape of the tensor.
        start: index of the part's first element.
        shape: of the part.
        is_mine: whether this process records the part; false where another one holds the same.
    """

    whole: tuple[int, ...]
    start: tuple[int, ...]
    shape: tuple[int, ...]
    is_mine: bool = True


def this_rank(tensors: Iterable[Tensor]) -> Rank:
    """The place of this process among those that train together."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return Rank()
    sharded = any(hasattr(tensor, "to_local") for tensor in tensors)
    return Rank(distributed.get_rank(), distributed.get_world_size(), sharded)


def shard_of(tensor: Any, rank: Rank) -> Shard:
    """Where the local part of a tensor lies in the whole.

    Dimensions are cut into equal chunks, the last ones shorter or empty, as `torch.chunk` cuts. Of
    copies on several processes the first counts.
    """
    whole = tuple(tensor.shape)
    start, shape = [0] * len(whole), list(whole)
    mine = rank.number == 0
    if hasattr(tensor, "to_local"):
        mine = True
        mesh = tensor.device_mesh
        for dimension, placement in enumerate(tensor.placements):
            place, parts = mesh.get_coordinate()[dimension], mesh.size(dimension)
            if placement.is_shard():
                axis = placement.dim
                chunk = -(-shape[axis] // parts)
                start[axis] += min(place * chunk, shape[axis])
                shape[axis] = max(0, min(chunk, shape[axis] - place * chunk))
            else:
                mine = mine and place == 0
        if mine and tuple(tensor.to_local().shape) != tuple(shape):
            raise WatchError(f"parameters placed as {tensor.placements} are not recorded; use plain shards")
    return Shard(whole, tuple(start), tuple(shape), mine)


def tell_all(problem: Exception | None) -> None:
    """Raise the first process's problem in every process, or let all of them go on."""
    told: list[Any] = [problem]
    distributed.broadcast_object_list(told, src=0)
    if told[0] is not None:
        raise told[0]
