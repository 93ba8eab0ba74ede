"""Weights in a safetensors file of their own, which any other tool loads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from weightdesk.errors import WeightFileError
from weightdesk.runs.checksums import KEY, join_checksums, split_checksums, tensor_checksum
from weightdesk.runs.stores.regularfiles import expanded
from weightdesk.runs.wholefile import write_whole


@dataclass(frozen=True, eq=False)
class WeightFile:
    """What a weight file holds.

    Attributes:
        path: as its user named it.
        tensors: by their names.
        metadata: text that the file says of itself.
    """

    path: str
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, str]


def write_weights(
    path: str | os.PathLike[str],
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    *,
    overwrite: bool = False,
) -> None:
    """Write tensors under exactly these names; the file appears as a whole or not at all.

    Tensors that share their memory are written once a name, so that a strict `load_state_dict` finds
    each of them.

    Arguments:
        path: a local file.
        tensors: by name, as a state dict has them.
        metadata: text beside them.
        overwrite: whether a file that is there already is replaced.

    Raises:
        WeightFileError: there is such a file already, or its folder cannot be written to.

    >>> import tempfile, torch
    >>> file = f"{tempfile.mkdtemp()}/tied.safetensors"
    >>> weight = torch.ones(2, 3)
    >>> write_weights(file, {"embed.weight": weight, "head.weight": weight}, {"step": "8"})
    >>> found = read_weights(file)
    >>> sorted(found.tensors), found.metadata["step"]
    (['embed.weight', 'head.weight'], '8')
    """
    apart = _apart(tensors)
    checksums = join_checksums({name: tensor_checksum(tensor) for name, tensor in apart.items()})
    about = {"format": "pt", **metadata, KEY: checksums}
    try:
        if expanded(path).exists() and not overwrite:
            raise WeightFileError(f"{path} is there already; name another file, or replace it with overwrite")
        write_whole(path, lambda place: save_file(apart, place, metadata=about))
    except (OSError, SafetensorError) as error:  # safetensors tells of a full disk by its own error
        reason = getattr(error, "strerror", None) or error
        raise WeightFileError(f"cannot write {path}: {reason}; name another file") from None


def read_weights(path: str | os.PathLike[str]) -> WeightFile:
    """Read a whole weight file.

    Raises:
        WeightFileError: there is none, or it is no safetensors file.

    >>> read_weights("nowhere.safetensors")
    Traceback (most recent call last):
    weightdesk.errors.WeightFileError: no file nowhere.safetensors; expected a .safetensors file with weights
    """
    try:
        file = expanded(path)
        if not file.is_file():
            raise WeightFileError(f"no file {path}; expected a .safetensors file with weights")
        with safe_open(file, framework="pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  # no mapping
            metadata = opened.metadata() or {}
        _check(path, tensors, metadata.pop(KEY, None))
        return WeightFile(str(path), tensors, metadata)
    except OSError as error:
        raise WeightFileError(f"cannot read {path}: {error.strerror or error}; name another file") from None
    except SafetensorError as error:
        raise WeightFileError(
            f"{path} cannot be read as safetensors ({error}); write a state dict there with "
            "safetensors.torch.save_file"
        ) from None


def _check(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], checksums: str | None) -> None:
    """Compare the tensors with their checksums, if the file has some."""
    try:
        expected = {} if checksums is None else split_checksums(checksums, tensors)
    except ValueError:
        return  # another tool added or removed tensors, and kept the metadata
    for name, checksum in expected.items():
        if tensor_checksum(tensors[name]) != checksum:
            raise WeightFileError(
                f"{path} is damaged: the values of {name} are not those that were written; "
                "take another copy of the file"
            )


def _apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each tensor in memory of its own: safetensors refuses to write shared memory under several names."""
    seen: set[int] = set()
    apart: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        dense = tensor.detach().to_dense() if tensor.is_sparse else tensor.detach()
        place = dense.untyped_storage().data_ptr()
        apart[name] = (dense.clone() if place in seen else dense).contiguous()
        seen.add(place)
    return apart
