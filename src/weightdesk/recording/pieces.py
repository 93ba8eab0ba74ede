"""Snapshots of sharded parameters: each process writes its piece, the first one puts them together.

Nobody waits for anybody in the training loop. A piece lies beside the snapshots until the pieces of all
processes are there; then the whole takes their place. A step may be written twice, first the weights and
then, when the optimizer has stepped, the weights with gradients and updates: a piece names its edition,
and only pieces of one edition are put together.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import torch
from safetensors.torch import save_file
from torch import Tensor

from weightdesk.recording.placement import Shard
from weightdesk.recording.snapshot import Snapshot
from weightdesk.runs.snapshotreader import SnapshotReader
from weightdesk.runs.stores import Store
from weightdesk.types import Step

FOLDER: Final = "pieces"
_NAME: Final = re.compile(r"pieces/(\d+)-(weights|step)-r(\d+)\.safetensors")


@dataclass(frozen=True, order=True)
class Edition:
    """One of the two forms of a snapshot.

    Attributes:
        step: optimizer steps done.
        is_full: whether it has what the optimizer step did, beside the weights.
    """

    step: Step
    is_full: bool

    def file(self, rank: int) -> str:
        """Name of a process's piece.

        >>> Edition(3, is_full=True).file(1)
        'pieces/00000003-step-r1.safetensors'
        """
        return f"{FOLDER}/{self.step:08d}-{'step' if self.is_full else 'weights'}-r{rank}.safetensors"


@dataclass(frozen=True)
class Piece:
    """What a piece says of itself.

    Attributes:
        shards: the parts of tensors that are in it.
        shapes: of all tensors of the state dict, also of those that are in other pieces.
        metadata: of the snapshot.
    """

    shards: Mapping[str, Shard]
    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str]


def write_piece(store: Store, snapshot: Snapshot, rank: int) -> int:
    """Keep the parts of a snapshot that this process records; return the size in bytes."""
    parts = {**snapshot.tensors, **snapshot.extra}
    mine = {name: part for name, part in parts.items() if snapshot.shards[name].is_mine}
    about = {
        "shards": json.dumps({name: asdict(snapshot.shards[name]) for name in mine}),
        "shapes": json.dumps({
            name: shard.whole for name, shard in snapshot.shards.items() if "@" not in name
        }),
        "is_last": json.dumps(snapshot.is_last),
        **snapshot.metadata,
    }  # fmt: skip
    name = Edition(snapshot.step, snapshot.is_full).file(rank)
    return store.write(name, lambda path: save_file(_untied(mine), path, metadata=about))


def _untied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each name with memory of its own, as the file needs it."""
    seen: set[int] = set()
    own = {}
    for name, tensor in tensors.items():
        own[name] = tensor.clone() if tensor.data_ptr() in seen else tensor
        seen.add(tensor.data_ptr())
    return own


class PieceFolder:
    """The pieces of all processes, as the first one sees them.

    Arguments:
        store: where the run lies.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pieces: dict[Edition, dict[int, Piece]] = {}
        self.seen: set[int] = set()
        """Processes of which there was a piece."""

    def refresh(self) -> None:
        """Look for new pieces."""
        listed: dict[Edition, dict[int, Piece]] = {}
        for name in self._store.names(FOLDER):
            if match := _NAME.fullmatch(name):
                edition, rank = Edition(int(match[1]), match[2] == "step"), int(match[3])
                piece = self._pieces.get(edition, {}).get(rank) or self._read(name)
                listed.setdefault(edition, {})[rank] = piece
                self.seen.add(rank)
        self._pieces = listed

    def editions(self) -> list[Edition]:
        """Editions of which there is a piece, in the order of their steps."""
        return sorted(self._pieces)

    def is_complete(self, edition: Edition) -> bool:
        """Whether the pieces hold every tensor of the state dict as a whole."""
        pieces = self._pieces[edition].values()
        shapes = {name: shape for piece in pieces for name, shape in piece.shapes.items()}
        return all(_covers(pieces, name, shape) for name, shape in shapes.items())

    def holds(self, edition: Edition, rank: int) -> bool:
        """Whether there is a piece of a process."""
        return rank in self._pieces.get(edition, {})

    def assemble(self, edition: Edition) -> tuple[dict[str, Tensor], Mapping[str, str]]:
        """Put the pieces of an edition together.

        What the pieces do not hold as a whole is left out: a part that is missing is no zero.

        Returns:
            whole tensors, of the state and of the extra file alike, and the first piece's metadata with
            the options of all.
        """
        pieces, reader = self._pieces[edition], SnapshotReader(self._store)
        shapes = {name: part.whole for piece in pieces.values() for name, part in piece.shards.items()}
        whole = {name for name, shape in shapes.items() if _covers(pieces.values(), name, shape)}
        tensors: dict[str, Tensor] = {}
        for rank, piece in sorted(pieces.items()):
            for name, shard in piece.shards.items():
                if name in whole:
                    part = reader.tensor(edition.file(rank), name)
                    tensor = tensors.setdefault(name, torch.empty(shard.whole, dtype=part.dtype))
                    tensor.view(shard.frame)[shard.region] = part
        return tensors, _together([piece.metadata for _, piece in sorted(pieces.items())])

    def remove(self, edition: Edition) -> None:
        """Remove the pieces of an edition."""
        for rank in self._pieces.pop(edition, {}):
            self._store.delete(edition.file(rank))

    def _read(self, name: str) -> Piece:
        metadata = SnapshotReader(self._store).header(name).metadata  # not one for all: it forgets no header
        shards = {
            key: Shard(tuple(s["whole"]), tuple(s["start"]), tuple(s["shape"]), s["is_mine"], s["is_flat"])
            for key, s in json.loads(metadata["shards"]).items()
        }
        shapes = {key: tuple(shape) for key, shape in json.loads(metadata["shapes"]).items()}
        return Piece(shards, shapes, metadata)


def _together(pieces: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The metadata of a snapshot: a process tells the optimizer's options of what it records itself."""
    options = [json.loads(metadata["options"]) for metadata in pieces if "options" in metadata]
    merged = {name: told for each in reversed(options) for name, told in each.items()}
    return {**pieces[0], **({"options": json.dumps(merged)} if options else {})}


def _covers(pieces: Iterable[Piece], name: str, shape: tuple[int, ...]) -> bool:
    """Whether parts that are equal or disjoint make a whole tensor."""
    parts = [piece.shards[name] for piece in pieces if name in piece.shards]
    sizes = {(part.start, part.shape): math.prod(part.shape) for part in parts}
    return sum(sizes.values()) == math.prod(shape)
