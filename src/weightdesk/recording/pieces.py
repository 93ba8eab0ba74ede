"""Snapshots of sharded parameters: each process writes its piece, the first one puts them together.

Nobody waits for anybody in the training loop. A piece lies beside the snapshots until the pieces
of all processes are there; then the whole takes their place.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

import torch
from safetensors.torch import save_file
from torch import Tensor

from weightdesk.recording.ranks import Shard
from weightdesk.recording.snapshot import Snapshot
from weightdesk.runs.checksums import KEY, join_checksums, tensor_checksum
from weightdesk.runs.format import PIECES
from weightdesk.runs.snapshotreader import SnapshotReader
from weightdesk.runs.stores import Store
from weightdesk.types import Step

_NAME: Final = re.compile(r"pieces/(\d+)-r(\d+)\.safetensors")


def write_piece(store: Store, snapshot: Snapshot, rank: int) -> int:
    """Keep the local parts of a snapshot; return the size in bytes."""
    parts = {**snapshot.tensors, **snapshot.extra}
    mine = {name: part for name, part in parts.items() if snapshot.shards[name].is_mine}
    about = {
        "shards": json.dumps({name: asdict(snapshot.shards[name]) for name in mine}),
        "is_last": json.dumps(snapshot.is_last),
        **snapshot.metadata,
    }
    name = f"{PIECES}/{snapshot.step:08d}-r{rank}.safetensors"
    about[KEY] = join_checksums({name: tensor_checksum(tensor) for name, tensor in mine.items()})
    return store.write(name, lambda path: save_file(_untied(mine), path, metadata=about))


def _untied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each name with memory of its own, as the file needs it."""
    seen: set[int] = set()
    own = {}
    for name, tensor in tensors.items():
        own[name] = tensor.clone() if tensor.data_ptr() in seen else tensor
        seen.add(tensor.data_ptr())
    return own


def complete_steps(store: Store, count: int) -> tuple[list[Step], list[Step]]:
    """Steps of which all `count` processes have written their piece, and those that wait."""
    ranks: dict[Step, set[int]] = defaultdict(set)
    for name in store.names(PIECES):
        if match := _NAME.fullmatch(name):
            ranks[int(match[1])].add(int(match[2]))
    complete = sorted(step for step, found in ranks.items() if len(found) == count)
    return complete, sorted(ranks.keys() - set(complete))


def assemble(store: Store, step: Step, count: int) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    """Put the pieces of a step together.

    Returns:
        the whole tensors, of the state and of the extra file alike, and the first piece's metadata.
    """
    reader = SnapshotReader(store)
    wholes: dict[str, Tensor] = {}
    metadata: Mapping[str, str] = {}
    for rank in range(count):
        file = f"{PIECES}/{step:08d}-r{rank}.safetensors"
        about = reader.header(file).metadata
        metadata = metadata or about
        for name, told in json.loads(about["shards"]).items():
            part, shard = reader.tensor(file, name), Shard(**told)
            whole = wholes.setdefault(name, torch.zeros(shard.whole, dtype=part.dtype))
            whole[_region(shard)] = part
    return wholes, metadata


def remove(store: Store, step: Step, count: int) -> None:
    """Remove the pieces of a step."""
    for rank in range(count):
        store.delete(f"{PIECES}/{step:08d}-r{rank}.safetensors")


def _region(shard: Shard) -> tuple[slice, ...]:
    return tuple(slice(start, start + length) for start, length in zip(shard.start, shard.shape, strict=True))
