"""Full parameters at one step, as safetensors files: a file of a run *is* a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from weightdesk.runs.format import extra_name, snapshot_name
from weightdesk.runs.stores import Store
from weightdesk.runs.tensorfile import Slot, TensorFile


def write_snapshot(
    store: Store, step: int, tensors: Mapping[str, Tensor], *, metadata: Mapping[str, str] | None = None
) -> int:
    """Keep the state dict as it was after `step` optimizer steps; return the file's size in bytes.

    Tensors that are one and the same memory are written once, under the first name; the metadata
    map every other name to it, as safetensors does, so that `load_model` reads the file.

    >>> import torch
    >>> from weightdesk.runs.stores import open_store
    >>> store = open_store("memory://snapshots")
    >>> _ = write_snapshot(store, 7, {"weight": torch.zeros(2, 3)})
    >>> store.names("snapshots")
    ['snapshots/00000007.safetensors']
    """
    return _write(store, snapshot_name(step), step, tensors, metadata)


def write_extra(
    store: Store, step: int, tensors: Mapping[str, Tensor], *, metadata: Mapping[str, str] | None = None
) -> int:
    """Keep what belongs to a snapshot beside the weights; return the file's size in bytes.

    Args:
        store: where the run lies.
        step: the step of the snapshot.
        tensors: `<name>@gradient`, as the optimizer saw it, `<name>@backward_gradient`, as backward left
            it, where it was kept, without the loss scale if that is known, `<name>@update`, and
            `<name>@<key>` for each tensor in the optimizer's state *before* the step.
        metadata: further text; `options` is a JSON object, by parameter, of the optimizer's options
            that this step was made with, `loss_scale` the scale that was taken out, where it is known.

    >>> import torch
    >>> from weightdesk.runs.stores import open_store
    >>> store = open_store("memory://extras")
    >>> write_extra(store, 7, {"weight@gradient": torch.zeros(2, 3)}) > 0
    True
    """
    return _write(store, extra_name(step), step, tensors, metadata)


def ties_of(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """For each name whose tensor is the very memory of an earlier one, the name of that one.

    >>> import torch
    >>> weight = torch.ones(2)
    >>> ties_of({"embed.weight": weight, "head.weight": weight, "head.bias": torch.ones(2)})
    {'head.weight': 'embed.weight'}
    """
    names: dict[tuple[object, ...], str] = {}
    ties: dict[str, str] = {}
    for name, tensor in tensors.items():
        if tensor.layout is torch.strided and tensor.numel():
            key = (tensor.device, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
            if (first := names.setdefault(key, name)) != name:
                ties[name] = first
    return ties


def _write(
    store: Store, name: str, step: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None
) -> int:
    ties = ties_of(tensors)
    about = {"format": "pt", "step": str(step), **(metadata or {}), **ties}
    slots = {name: Slot.of(tensor) for name, tensor in tensors.items() if name not in ties}

    def fill(path: Path) -> None:
        with TensorFile(path, slots, about) as file:
            file.write_all({name: tensors[name] for name in slots})

    return store.write(name, fill)
