"""Where weights are fetched from: a step of a run, or a file of weights."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from weightdesk.errors import OptionError, UnknownParameterError, WeightFileError, closest
from weightdesk.explain.compiled import plain_name
from weightdesk.runs import Parameter, open_run
from weightdesk.runs.steps import choose_step

_SAFE: Final = (".safetensors",)
_PICKLED: Final = (".pt", ".pth", ".bin", ".ckpt")
_WRAPPERS: Final = ("state_dict", "model_state_dict", "model")


@dataclass(frozen=True)
class Source:
    """Weights by name, each read when it is asked for.

    Attributes:
        place: where they lie, for messages.
        names: by every name, the one under which the tensor is kept.
        read: gives the tensor of a kept name.
        step: of a run; None of a file.

    >>> kept = {"fc.weight": torch.ones(1, 2)}
    >>> source = Source("old.pt", {name: name for name in kept}, kept.__getitem__)
    >>> source.tensor(Parameter("fc.weight", (1, 2), "float32"))
    tensor([[1., 1.]])
    """

    place: str
    names: Mapping[str, str]
    read: Callable[[str], Tensor]
    step: int | None = None

    def tensor(self, parameter: Parameter) -> Tensor:
        """The values for a parameter, found by any of its names.

        Raises:
            UnknownParameterError: there are none.
            OptionError: they have another shape.
        """
        known = [name for name in (parameter.name, *parameter.aliases) if name in self.names]
        if not known:
            near = closest(parameter.name, self.names)
            raise UnknownParameterError(f"{self.place} has no {parameter.name}; {near}")
        found = self.read(self.names[known[0]])
        if tuple(found.shape) != parameter.shape:
            raise OptionError(
                f"{parameter.name} has shape {parameter.shape}, but {tuple(found.shape)} in {self.place}"
            )
        return found


def open_source(place: str, step: int | None) -> Source:
    """The weights of a run at a step, the last kept one where none is given, or those in a file.

    A file is told by its ending: .safetensors, or .pt, .pth, .bin, .ckpt, of which only tensors are read.

    Raises:
        RunNotFoundError: there is no such run.
        StepNotKeptError: the run keeps no snapshot of this step.
        WeightFileError: there is no such file, or it cannot be read.
    """
    end = Path(place).suffix
    if end not in (*_SAFE, *_PICKLED):
        return _run_source(place, step)
    if step is not None:
        raise OptionError(f"{place} is one file of weights; leave out step={step}")
    if not Path(place).is_file():
        raise WeightFileError(f"no file {place}; expected weights in .safetensors or .pt, or a run's folder")
    return _safe_source(place) if end in _SAFE else _pickled_source(place)


def _run_source(place: str, step: int | None) -> Source:
    run = open_run(place)
    chosen = choose_step(-1 if step is None else step, run.steps, "snapshot")
    names = {alias: name for name, each in run.parameters.items() for alias in (name, *each.aliases)}
    return Source(
        f"step {chosen} of {place}", _with_plain(names), lambda name: run.weights(name, chosen), chosen
    )


def _safe_source(place: str) -> Source:
    try:
        with safe_open(place, framework="pt") as file:
            kept, about = set(file.keys()), file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise WeightFileError(f"{place} cannot be read as safetensors: {error}") from None
    # A tensor with several names is written once; the metadata map each other name to it.
    ties = {name: to for name, to in about.items() if to in kept}

    def read(name: str) -> Tensor:
        with safe_open(place, framework="pt") as file:
            tensor: Tensor = file.get_tensor(name)
        return tensor

    return Source(place, _with_plain({**ties, **{name: name for name in kept}}), read)


def _pickled_source(place: str) -> Source:
    try:
        found = torch.load(place, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError):
        raise WeightFileError(
            f"{place} holds more than tensors, or is damaged; save model.state_dict() and use that"
        ) from None
    tensors = _tensors(found)
    for wrapper in _WRAPPERS:
        if not tensors and isinstance(found, Mapping):
            tensors = _tensors(found.get(wrapper))
    if not tensors:
        raise WeightFileError(f"{place} holds no tensors by name; expected what model.state_dict() gives")
    return Source(place, _with_plain({name: name for name in tensors}), tensors.__getitem__)


def _tensors(found: Any) -> dict[str, Tensor]:
    entries = found.items() if isinstance(found, Mapping) else ()
    return {str(name): each.detach() for name, each in entries if isinstance(each, Tensor)}


def _with_plain(names: Mapping[str, str]) -> dict[str, str]:
    """The names also without what `torch.compile` puts into them."""
    return {**{plain_name(name): kept for name, kept in names.items()}, **names}
