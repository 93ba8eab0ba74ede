"""What is recorded: the parameters of a model that an optimizer moves, and how `run.json` names them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.optim import Optimizer

from weightdesk.errors import WatchError
from weightdesk.recording.flatshards import flat_modules, local_state, original_name
from weightdesk.recording.gradients import local
from weightdesk.recording.modulecalls import is_compiled
from weightdesk.recording.notes import Notes, enumerate_names
from weightdesk.recording.optimizers import optimizers_of, parameters_of
from weightdesk.recording.placement import Shard, entire, is_distributed, placed_shard
from weightdesk.recording.ranks import Layout, Rank, layout_of
from weightdesk.runs.tensorfile import STORED_DTYPES
from weightdesk.statistics.memory import has_plain_values
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
        behind_tensors: parameters that are trained while a plain tensor made of each stands in its place.

    """

    model: nn.Module
    optimizers: tuple[Optimizer, ...]
    parameters: dict[ParameterName, nn.Parameter]
    aliases: dict[ParameterName, list[ParameterName]]
    compiled: bool
    layout: Layout
    notes: Notes = field(default_factory=lambda: Notes([]))
    behind_tensors: Mapping[ParameterName, nn.Parameter] = field(default_factory=dict)

    @property
    def rank(self) -> Rank:
        """The process among those that train together."""
        return self.layout.rank

    def moved_by(self, optimizer: Optimizer) -> dict[ParameterName, nn.Parameter]:
        """The model's parameters among those of one optimizer."""
        mine = set(map(id, parameters_of(optimizer)))
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
        return {
            name: tensor
            for name, tensor in {**state, **self.behind_tensors}.items()
            if isinstance(tensor, Tensor) and self.can_store(name, tensor)
        }

    @cached_property
    def nbytes(self) -> int:
        """Bytes of the parameters and buffers of the model that hold their numbers themselves."""
        buffers = [buffer for buffer in self.model.buffers() if has_plain_values(buffer)]
        return sum(tensor.nbytes for tensor in (*self.parameters.values(), *buffers))

    def buffer_names(self) -> set[str]:
        """Names of the buffers among the tensors of `state`."""
        buffers = self.model.named_buffers(remove_duplicate=False)
        return {original_name(name) for name, _ in buffers}

    def can_store(self, name: str, tensor: Tensor) -> bool:
        """Whether a tensor can be an entry of a snapshot; one that cannot is named in the notes.

        Arguments:
            name: of the entry.
            tensor: as it lies in this process, or a distributed one.
        """
        part = local(tensor)
        if part.dtype in STORED_DTYPES and (part.layout is torch.sparse_coo or has_plain_values(part)):
            return True
        kind = type(tensor).__name__
        self.notes.add(f"no {name} in snapshots: a {kind} of {part.dtype} and {part.layout} cannot be stored")
        return False

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
        return {
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "source": _source(kind),
            "parameters": self.describe_parameters(),
            "modules": self.describe_modules(),
            "text": str(self.model),
        }

    def describe_modules(self) -> list[dict[str, Any]]:
        """The list `model.modules` of `run.json`."""
        modules = {original_name(name): type(each).__name__ for name, each in self.model.named_modules()}
        return [{"name": name, "class": kind} for name, kind in modules.items()]

    def describe_parameters(self) -> list[dict[str, Any]]:
        """The list `model.parameters` of `run.json`."""
        return [
            {
                "name": name,
                "shape": self.layout.shards[name].whole,
                "dtype": str(parameter.dtype).removeprefix("torch."),
                "aliases": self.aliases.get(name, ()),
                "trainable": parameter.requires_grad,
            }
            for name, parameter in self.parameters.items()
        ]

    def foreign_parameters(self) -> list[int]:
        """For each optimizer, how many of its parameters are not of the model."""
        moved = list(map(parameters_of, self.optimizers))
        recorded = set(map(id, self.parameters.values()))
        others = [[each for each in of_one if id(each) not in recorded] for of_one in moved]
        if not any(others):
            return [0] * len(others)
        mine = set(map(id, self.model.parameters()))  # those that cannot be recorded among them
        return [sum(id(each) not in mine for each in of_one) for of_one in others]

    def refreshed(self, optimizers: Sequence[Optimizer]) -> Subject:
        """The same model with the parameters that it has now; those that cannot be recorded are left out.

        Only for a model whose parameters are whole in this process.
        """
        parameters, aliases = _named_parameters(self.model)
        behind_tensors = self._behind_tensors(parameters, optimizers)
        parameters = behind_tensors | parameters
        left_out = {name: why for name, each in parameters.items() if (why := _obstacle(each)) is not None}
        recorded = {name: each for name, each in parameters.items() if name not in left_out}
        shards = {name: entire(each, is_mine=self.rank.number == 0) for name, each in recorded.items()}
        return replace(
            self,
            optimizers=tuple(optimizers),
            parameters=recorded,
            aliases=aliases,
            layout=Layout(self.rank, shards, left_out),
            behind_tensors=behind_tensors,
        )

    def _behind_tensors(
        self, present: Mapping[ParameterName, nn.Parameter], optimizers: Sequence[Optimizer]
    ) -> dict[ParameterName, nn.Parameter]:
        """As DDP over tensor parallelism puts a tensor there at the first call of the model, for good."""
        moved = {id(parameter) for optimizer in optimizers for parameter in parameters_of(optimizer)}
        moved -= set(map(id, present.values()))
        missing = {name: self.parameters[name] for name in self.parameters if name not in present}
        return {
            name: parameter
            for name, parameter in missing.items()
            if id(parameter) in moved and isinstance(_attribute(self.model, name), Tensor)
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


def _attribute(model: nn.Module, name: str) -> object:
    """What a model has under a dotted name; None if it has nothing there."""
    owner: object = model
    for part in name.split("."):
        owner = getattr(owner, part, None)
    return owner


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
    optimizers = optimizers_of(optimizer)
    inner, data_parallel = _unwrap(model)
    _reshard(inner)
    parameters, aliases = _named_parameters(inner)
    _check_parameters(inner, parameters)
    compiled = hasattr(model, "_orig_mod") or is_compiled(inner)
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
    obstacles: dict[str, list[ParameterName]] = {}
    for name, parameter in parameters.items():
        if (obstacle := _obstacle(parameter)) is not None:
            obstacles.setdefault(obstacle, []).append(name)
    for obstacle, names in obstacles.items():
        raise WatchError(f"parameter {enumerate_names(names, most=3)} of the {kind} is {obstacle}")


def _obstacle(parameter: nn.Parameter) -> str | None:
    """Why a parameter cannot be recorded; None if it can."""
    if isinstance(parameter, nn.parameter.UninitializedParameter):
        return "not initialised yet; run one forward pass before watch"
    if parameter.is_complex():
        return "complex, which is not recorded; use a real and an imaginary parameter"
    if parameter.is_meta:
        return "on the meta device, without values; materialise the model before watch"
    return None


def _named_parameters(
    model: nn.Module,
) -> tuple[dict[ParameterName, nn.Parameter], dict[ParameterName, list[ParameterName]]]:
    """Each parameter under the first of its names, and its further names if weights are tied."""
    parameters: dict[ParameterName, nn.Parameter] = {}
    names: dict[int, ParameterName] = {}
    aliases: dict[ParameterName, list[ParameterName]] = {}
    for long_name, parameter in model.named_parameters(remove_duplicate=False):
        name = original_name(long_name)
        first = names.setdefault(id(parameter), name)
        if first == name:
            parameters[name] = parameter
        else:
            aliases.setdefault(first, []).append(name)
    return parameters, aliases


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
