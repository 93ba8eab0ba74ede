"""Turned weights as a file that any other tool loads, and that a training can go on from."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from torch import Tensor, nn

from weightdesk.desk.ancestry import parent_of
from weightdesk.runs import Parent, Run, open_store
from weightdesk.runs.snapshotfolder import SnapshotFolder
from weightdesk.runs.weightfile import write_weights

if TYPE_CHECKING:
    from weightdesk.desk.state import State


def save(
    path: str | os.PathLike[str],
    model: nn.Module,
    state: State,
    run: Run | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Write the weights of a state, with the model's buffers, under the names of its state dict.

    `model.load_state_dict(safetensors.torch.load_file(path))` loads the file strictly: each name of a
    tied weight is there. The metadata keep what the run's snapshot says of itself and add where the
    weights come from, `parent_run`, `parent_step` and `mix`, and the `recipe` of a built-in training.

    Arguments:
        path: a local file; it appears as a whole or not at all.
        model: the desk's own copy. What its state dict holds beside tensors is left out.
        state: the weights, and the turns that made them.
        run: whose weights the model had.
        overwrite: whether a file that is there already is replaced.

    Raises:
        WeightFileError: there is such a file already, or it cannot be written.

    >>> import tempfile, torch
    >>> from safetensors.torch import load_file
    >>> from weightdesk.desk.state import State
    >>> model = nn.Linear(2, 1)
    >>> file = f"{tempfile.mkdtemp()}/tuned.safetensors"
    >>> save(file, model, State.of(model))
    >>> model.load_state_dict(load_file(file))
    <All keys matched successfully>
    """
    tensors, parent = turned_tensors(model, state), parent_of(state, run)
    about = {name: text for name, text in _source(parent, run).items() if name not in tensors}
    if run is not None and run.recipe is not None:
        about["recipe"] = json.dumps(run.recipe, ensure_ascii=False)
    write_weights(path, tensors, about | parent.to_metadata(), overwrite=overwrite)


def turned_tensors(model: nn.Module, state: State) -> dict[str, Tensor]:
    """The model's state dict with the weights of a state in the place of its own.

    >>> import torch
    >>> from weightdesk.desk.state import State
    >>> model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    >>> model[1].weight = model[0].weight
    >>> turned_tensors(model, State((), {"0.weight": torch.eye(2)}))["1.weight"]
    tensor([[1., 0.],
            [0., 1.]])
    """
    turned = {id(each): state.values[name] for name, each in model.named_parameters()}
    return {
        name: turned.get(id(each), each.detach())
        for name, each in model.state_dict(keep_vars=True).items()
        if isinstance(each, Tensor)
    }


def _source(parent: Parent, run: Run | None) -> dict[str, str]:
    """What the snapshot that the weights were taken from says of itself."""
    if run is None or parent.step is None:
        return {}
    return SnapshotFolder(open_store(run.path)).state_metadata(parent.step)
