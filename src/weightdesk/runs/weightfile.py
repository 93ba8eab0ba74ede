"""Weights in a safetensors file of their own, which any other tool loads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from weightdesk.errors import WeightFileError
from weightdesk.paths import expand_home
from weightdesk.runs.stores.local import LocalStore


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
    file = expand_home(path)
    if file.exists() and not overwrite:
        raise WeightFileError(f"{path} is there already; name another file, or replace it with overwrite")
    apart = _apart(tensors)
    about = {"format": "pt", **metadata}
    try:
        LocalStore(file.parent).write(file.name, lambda place: save_file(apart, place, metadata=about))
    except OSError as error:
        raise WeightFileError(f"cannot write {path}: {error.strerror or error}; name another file") from None


def read_weights(path: str | os.PathLike[str]) -> WeightFile:
    """Read a whole weight file.

    Raises:
        WeightFileError: there is none, or it is no safetensors file.

    >>> read_weights("nowhere.safetensors")
    Traceback (most recent call last):
    weightdesk.errors.WeightFileError: no file nowhere.safetensors; expected a .safetensors file with weights
    """
    file = expand_home(path)
    if not file.is_file():
        raise WeightFileError(f"no file {path}; expected a .safetensors file with weights")
    try:
        with safe_open(file, framework="pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  # no mapping
            return WeightFile(str(path), tensors, opened.metadata() or {})
    except SafetensorError as error:
        raise WeightFileError(
            f"{path} cannot be read as safetensors ({error}); write a state dict there with "
            "safetensors.torch.save_file"
        ) from None


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
