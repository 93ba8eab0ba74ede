"""Full parameters at one step, as safetensors files: a file of a run *is* a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from safetensors.torch import save_file
from torch import Tensor

from weightdesk.runs.door import list_names
from weightdesk.runs.format import MAX_STEP, SNAPSHOTS, extra_name, snapshot_name
from weightdesk.runs.stores import Store

_SNAPSHOT_END: Final = ".safetensors"
_EXTRA_END: Final = ".extra.safetensors"


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
    >>> kept_steps(store)
    (7,)
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


def kept_steps(store: Store, *, extra: bool = False) -> tuple[int, ...]:
    """Steps with a snapshot, or with its extra file, in ascending order.

    Only files with the name that the format gives them count: no other digits, none too many.
    """
    end, name_of = (_EXTRA_END, extra_name) if extra else (_SNAPSHOT_END, snapshot_name)
    steps = []
    for name in list_names(store, SNAPSHOTS):
        digits = name.removeprefix(f"{SNAPSHOTS}/").removesuffix(end)
        if digits.isdecimal() and (step := int(digits)) <= MAX_STEP and name_of(step) == name:
            steps.append(step)
    return tuple(sorted(steps))


def _write(
    store: Store, name: str, step: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None
) -> int:
    kept, aliases = _without_ties(tensors)
    about = {"format": "pt", "step": str(step), **(metadata or {}), **aliases}
    return store.write(name, lambda path: save_file(kept, path, metadata=about))


def _without_ties(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Every memory once, as contiguous tensors, and for each further name the one that stays."""
    kept: dict[str, Tensor] = {}
    aliases: dict[str, str] = {}
    seen: dict[tuple[object, ...], str] = {}
    storages: set[int] = set()
    for name, tensor in tensors.items():
        tensor = tensor.detach().to_dense() if tensor.is_sparse else tensor.detach()
        key = (tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
        if tensor.numel() and key in seen:
            aliases[name] = seen[key]
            continue
        seen[key] = name
        storage = tensor.untyped_storage().data_ptr()
        # Views of one flat buffer overlap nowhere, yet safetensors refuses to write them together.
        kept[name] = tensor.clone() if storage in storages else tensor
        kept[name] = kept[name].contiguous()
        storages.add(storage)
    return kept, aliases
