"""What is recorded: the parameters of a model that an optimizer moves, and how `run.json` names them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim import Optimizer

from weightdesk.errors import WatchError
from weightdesk.recording.flatshards import flat_modules, local_state, original_name
from weightdesk.recording.placement import Shard, entire, is_distributed, placed_shard
from weightdesk.recording.ranks import Layout, Rank, layout_of
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
        layout: which part of each parameter lies in this process.
        notes: what the recording leaves out, for `run.json`; grows while it goes on.

    """

    model: nn.Module
    optimizers: tuple[Optimizer, ...]
    parameters: dict[ParameterName, nn.Parameter]
    aliases: dict[ParameterName, list[ParameterName]]
    compiled: bool
    layout: Layout
    notes: list[str] = field(default_factory=list)

    @property
    def rank(self) -> Rank:
        """The process among those that train together."""
        return self.layout.rank

    def moved_by(self, optimizer: Optimizer) -> dict[ParameterName, nn.Parameter]:
        """The model's parameters among those of one optimizer."""
        mine = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        return {name: parameter for name, parameter in self.parameters.items() if id(parameter) in mine}

    def recorded_by_this(
        self, parameters: dict[ParameterName, nn.Parameter]
    ) -> dict[ParameterName, nn.Parameter]:
        """Those of some parameters of which this process records a part."""
        if not self.rank.sharded:
            return parameters
        return {name: each for name, each in parameters.items() if self.layout.shards[name].is_mine}

    def state(self) -> dict[str, Tensor]:
        """The tensors of the model's state dict, the parameters among them as they lie in this process."""
        if flat_modules(self.model):
            return local_state(self.model)
        state = self.model.state_dict(keep_vars=True)
        return {name: tensor for name, tensor in state.items() if isinstance(tensor, Tensor)}

    def shard(self, name: str, tensor: Tensor) -> Shard | None:
        """Which part of an entry of a snapshot lies in this process.

        Arguments:
            name: of a parameter or a buffer, or `<parameter>@<what>`.
            tensor: as it lies in this process.

        Returns:
            None if the entry cannot be put together: a gradient that is a partial sum, or a state of a
            sharded parameter that is neither cut as the parameter is nor a single number.
        """
        if is_distributed(tensor):
            return placed_shard(tensor)
        owner = self.layout.shards.get(name.partition("@")[0])
        if owner is None:
            return entire(tensor, is_mine=self.rank.number == 0)
        if tuple(tensor.shape) == owner.shape:
            return owner
        if owner.is_whole or not tensor.ndim:
            return entire(tensor, is_mine=owner.holds_first)
        return None

    def describe_model(self) -> dict[str, Any]:
        """The entry `model` of `run.json`."""
        kind = type(getattr(self.model, "_fsdp_wrapped_module", self.model))
        modules = {original_name(name): type(each).__name__ for name, each in self.model.named_modules()}
        return {
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "source": _source(kind),
            "parameters": [
                {
                    "name": name,
                    "shape": list(self.layout.shards[name].whole),
                    "dtype": str(parameter.dtype).removeprefix("torch."),
                    "aliases": self.aliases.get(name, []),
                    "trainable": parameter.requires_grad,
                }
                for name, parameter in self.parameters.items()
            ],
            "modules": [{"name": name, "class": kind} for name, kind in modules.items()],
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
    inner, data_parallel = _unwrap(model)
    _reshard(inner)
    parameters = {original_name(name): each for name, each in inner.named_parameters()}
    aliases: dict[ParameterName, list[ParameterName]] = {}
    names = {id(parameter): name for name, parameter in parameters.items()}
    for long_name, parameter in inner.named_parameters(remove_duplicate=False):
        name = original_name(long_name)
        if names[id(parameter)] != name:
            aliases.setdefault(names[id(parameter)], []).append(name)
    _check_parameters(inner, parameters)
    compiled = hasattr(model, "_orig_mod")
    layout = layout_of(inner, parameters, data_parallel)
    parameters = {name: each for name, each in parameters.items() if name in layout.shards}
    found = Subject(inner, optimizers, parameters, aliases, compiled, layout)
    for each in optimizers:
        if not found.moved_by(each):
            raise WatchError(
                f"the {type(each).__name__} optimizer moves no parameter of the {type(inner).__name__}; "
                "build it from this model's parameters(), after any .to(...) that replaces them"
            )
    return found


def _unwrap(model: nn.Module) -> tuple[nn.Module, Any]:
    """The module inside all wrappers, and the processes with replicas of it, if a wrapper tells them."""
    data_parallel = None
    while True:
        if isinstance(original := getattr(model, "_orig_mod", None), nn.Module):  # torch.compile
            model = original
        elif isinstance(model, (DataParallel, DistributedDataParallel)):
            data_parallel = getattr(model, "process_group", None)
            model = model.module
        else:
            return model, data_parallel


def _reshard(model: nn.Module) -> None:
    """Let FSDP2 put the shards back that a forward pass has replaced by gathered parameters.

    It does the same before each `state_dict()`, and gathers again when it has to.
    """
    for module in model.modules():
        if callable(reshard := getattr(module, "reshard", None)) and hasattr(module, "unshard"):
            reshard()


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
    except ValueError:
        return path.name
