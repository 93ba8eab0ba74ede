"""What is recorded: the parameters of a model that an optimizer moves, and how `run.json` names them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim import Optimizer

from weightdesk.errors import WatchError
from weightdesk.recording.ranks import Rank, this_rank
from weightdesk.types import ParameterName

Options = dict[str, Any]
"""Of a parameter group, as JSON holds them."""


@dataclass(frozen=True)
class Subject:
    """A model and its optimizers, unwrapped and checked.

    Attributes:
        model: without the wrappers of `torch.compile` and data parallelism.
        optimizers: in the order given.
        parameters: each parameter once, under the first of its names.
        aliases: further names of tied parameters.
        compiled: whether `torch.compile` wraps the model.

    """

    model: nn.Module
    optimizers: tuple[Optimizer, ...]
    parameters: dict[ParameterName, nn.Parameter]
    aliases: dict[ParameterName, list[ParameterName]]
    compiled: bool
    rank: Rank

    def moved_by(self, optimizer: Optimizer) -> dict[ParameterName, nn.Parameter]:
        """The model's parameters among those of one optimizer."""
        mine = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        return {name: parameter for name, parameter in self.parameters.items() if id(parameter) in mine}

    def describe_model(self) -> dict[str, Any]:
        """The entry `model` of `run.json`."""
        kind = type(self.model)
        return {
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "source": _source(kind),
            "parameters": [
                {
                    "name": name,
                    "shape": list(parameter.shape),
                    "dtype": str(parameter.dtype).removeprefix("torch."),
                    "aliases": self.aliases.get(name, []),
                    "trainable": parameter.requires_grad,
                }
                for name, parameter in self.parameters.items()
            ],
            "modules": [
                {"name": name, "class": type(module).__name__} for name, module in self.model.named_modules()
            ],
            "text": str(self.model),
        }

    def describe_optimizers(self) -> list[dict[str, Any]]:
        """The entry `optimizers` of `run.json`."""
        names = {id(parameter): name for name, parameter in self.parameters.items()}
        return [
            {
                "class": f"{type(optimizer).__module__}.{type(optimizer).__qualname__}",
                "groups": [
                    {
                        "parameters": [names[id(each)] for each in group["params"] if id(each) in names],
                        "options": options_of(group),
                    }
                    for group in optimizer.param_groups
                ],
            }
            for optimizer in self.optimizers
        ]


def options_of(group: dict[str, Any]) -> Options:
    """Options of a parameter group that JSON can hold; learning rates may be tensors.

    >>> options_of({"params": [], "lr": torch.tensor(0.5), "betas": (0.9, 0.99), "foreach": None})
    {'lr': 0.5, 'betas': [0.9, 0.99], 'foreach': None}
    """
    return {key: _plain(value) for key, value in group.items() if key != "params"}


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor) and value.numel() == 1:
        return value.item()
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)


def subject_of(model: nn.Module, optimizer: Optimizer | Sequence[Optimizer]) -> Subject:
    """Unwrap a model and check that it and its optimizers can be recorded.

    Raises:
        WatchError: no parameters, complex or uninitialised ones, or an optimizer over others.

    """
    if not isinstance(model, nn.Module):
        raise WatchError(f"watch needs a torch.nn.Module, got {type(model).__name__}")
    optimizers = (optimizer,) if isinstance(optimizer, Optimizer) else tuple(optimizer)
    for each in optimizers:
        if not isinstance(each, Optimizer):
            raise WatchError(f"watch needs a torch.optim.Optimizer, got {type(each).__name__}")
    if not optimizers:
        raise WatchError("watch needs an optimizer, got an empty sequence")
    inner = _unwrap(model)
    parameters = dict(inner.named_parameters())
    aliases: dict[ParameterName, list[ParameterName]] = {}
    names = {id(parameter): name for name, parameter in parameters.items()}
    for name, parameter in inner.named_parameters(remove_duplicate=False):
        if names[id(parameter)] != name:
            aliases.setdefault(names[id(parameter)], []).append(name)
    _check_parameters(inner, parameters)
    compiled = hasattr(model, "_orig_mod")
    found = Subject(inner, optimizers, parameters, aliases, compiled, this_rank(parameters.values()))
    for each in optimizers:
        if not found.moved_by(each):
            raise WatchError(
                f"the {type(each).__name__} optimizer moves no parameter of the {type(inner).__name__}; "
                "build it from this model's parameters(), after any .to(...) that replaces them"
            )
    return found


def _unwrap(model: nn.Module) -> nn.Module:
    while True:
        if isinstance(original := getattr(model, "_orig_mod", None), nn.Module):  # torch.compile
            model = original
        elif isinstance(model, (DataParallel, DistributedDataParallel)):
            model = model.module
        else:
            return model


def _check_parameters(model: nn.Module, parameters: dict[ParameterName, nn.Parameter]) -> None:
    kind = type(model).__name__
    if not parameters:
        raise WatchError(
            f"the {kind} has no parameters, so there is nothing to record; watch a model that has"
        )
    complaints: list[tuple[Callable[[nn.Parameter], bool], str]] = [
        (lambda each: isinstance(each, nn.parameter.UninitializedParameter),
         "not initialised yet; run one forward pass before watch"),
        (lambda each: each.is_complex(),
         "complex, which is not recorded; use a real and an imaginary parameter"),
        (lambda each: each.is_meta,
         "on the meta device, without values; materialise the model before watch"),
    ]  # fmt: skip
    for has_it, complaint in complaints:
        if found := [name for name, each in parameters.items() if has_it(each)]:
            shown = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
            raise WatchError(f"parameter {shown} of the {kind} is {complaint}")


def _source(kind: type) -> str | None:
    """File that defines the model's class, relative to the working directory if it lies there."""
    try:
        path = Path(inspect.getfile(kind))
    except (OSError, TypeError):
        return None
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):  # elsewhere, or the working directory was removed
        return path.name
