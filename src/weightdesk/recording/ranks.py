"""Which process records what when several train one model.

With data parallelism every process holds the same weights, so the first one records and the others
do nothing. Under FSDP and tensor parallelism each process holds a shard of a parameter and records
that; what several processes hold is recorded by one of them. No process ever waits for another in the
training loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch.distributed as distributed
from torch import nn

from weightdesk.recording.flatshards import flat_shards
from weightdesk.recording.placement import Shard, entire, holders, is_distributed, placed_shard
from weightdesk.types import ParameterName


@dataclass(frozen=True)
class Rank:
    """A process among those that train together.

    Attributes:
        number: 0 for the first, or if there is only one.
        count: of processes.
        sharded: whether parameters are cut up among them.
        is_silent: whether this process records nothing: others hold all that it holds, or it holds nothing
            of the model that process 0 has.
        is_certain: whether it is known how this model is related to that of process 0. A plain module does
            not tell: it may be a replica, another stage of a pipeline, or a training of its own.
        partners: numbers of the processes that record parts of the model.
    """

    number: int = 0
    count: int = 1
    sharded: bool = False
    is_silent: bool = False
    is_certain: bool = True
    partners: frozenset[int] = frozenset({0})

    @property
    def is_alone(self) -> bool:
        """Whether a gradient is final once backward has left it: no other process adds to it."""
        return self.count == 1 and not self.sharded


@dataclass(frozen=True)
class Layout:
    """How the parameters of a model lie in the processes that train it.

    Attributes:
        rank: this process.
        shards: for each parameter the part that lies here.
        left_out: why a parameter cannot be recorded, by its name.
    """

    rank: Rank
    shards: dict[ParameterName, Shard]
    left_out: dict[ParameterName, str] = field(default_factory=dict)


def layout_of(
    model: nn.Module,
    parameters: Mapping[ParameterName, nn.Parameter],
    data_parallel: distributed.ProcessGroup | None,
) -> Layout:
    """Find out which part of each parameter lies in this process.

    Arguments:
        model: without the wrapper of data parallelism.
        parameters: of the model.
        data_parallel: the processes with replicas of the model, if it was wrapped for them.

    Raises:
        WatchError: the model hides its parameters in flat ones.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return Layout(Rank(), {name: entire(each, is_mine=True) for name, each in parameters.items()})
    number, count = distributed.get_rank(), distributed.get_world_size()
    flat = flat_shards(model)
    shards: dict[ParameterName, Shard] = {}
    left_out: dict[ParameterName, str] = {}
    partners = {0}
    for name, parameter in parameters.items():
        if id(parameter) in flat:
            shard, group = flat[id(parameter)]
        elif is_distributed(parameter):
            shard, group = placed_shard(parameter), holders(parameter)
        else:
            shard, group = entire(parameter, is_mine=number == 0), frozenset({0})
        if shard is None:
            left_out[name] = _why(parameter)
        else:
            shards[name] = shard
            partners |= group
    sharded = bool(flat) or any(map(is_distributed, parameters.values()))
    replicas = [] if data_parallel is None else distributed.get_process_group_ranks(data_parallel)
    is_replica = 0 in replicas and number > 0
    is_certain = is_replica or len(replicas) == count  # DDP over tensor parallelism has several groups
    holds_none = not any(shard.is_mine for shard in shards.values())
    rank = Rank(
        number,
        count,
        sharded,
        is_silent=is_replica or (number > 0 and holds_none),
        is_certain=is_certain or bool(flat) or any(map(_is_near_first, parameters.values())),
        partners=frozenset(partners),
    )
    return Layout(rank, shards, left_out)


def _is_near_first(parameter: Any) -> bool:
    """Whether a parameter is a DTensor on a mesh that contains process 0."""
    return is_distributed(parameter) and bool((parameter.device_mesh.mesh == 0).any())


def _why(parameter: Any) -> str:
    if is_distributed(parameter):
        return f"placed as {parameter.placements}, which is a partial sum or lies in several blocks"
    return "not contiguous, or extended, inside FullyShardedDataParallel"
