"""What the modules of a model returned in one pass, and when each parameter was first read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

from weightdesk.types import ParameterName


@dataclass(eq=False)
class Call:
    """One call of a module.

    Attributes:
        module: which.
        depth: number of modules that it runs in.
        ended: when it returned, on the clock that counts calls and returns.
        result: what it returned.
        versions: how often each tensor of the result had been written to by then.
    """

    module: nn.Module
    depth: int
    ended: int = 0
    result: Any = None
    versions: tuple[int, ...] = ()

    def is_overwritten(self) -> bool:
        """Whether the network went on in place in the result."""
        return self.versions != _versions(self.result)


@dataclass(eq=False)
class Recording:
    """A pass.

    Attributes:
        calls: of modules that are called once, in the order of their returns.
        first_read: when each parameter was first read.
    """

    calls: list[Call] = field(default_factory=list)
    first_read: dict[ParameterName, int] = field(default_factory=dict)


@contextmanager
def recorded(
    model: nn.Module, values: Mapping[ParameterName, Tensor], copied: frozenset[nn.Module]
) -> Iterator[Recording]:
    """Note what happens while a model runs with these values; results of some modules are copied."""
    recorder = _Recorder(model, copied)
    handles = [module.register_forward_pre_hook(recorder.begins) for module in model.modules()]
    handles += [module.register_forward_hook(recorder.ends) for module in model.modules()]
    try:
        with _Reads(values, recorder):
            yield recorder.recording
    finally:
        for handle in handles:
            handle.remove()
    times = Counter(call.module for call in recorder.recording.calls)
    recorder.recording.calls = [call for call in recorder.recording.calls if times[call.module] == 1]


class _Recorder:
    def __init__(self, model: nn.Module, copied: frozenset[nn.Module]) -> None:
        self.recording = Recording()
        self._copied, self._now = copied, 0
        self._running: list[Call] = []
        names = {id(each): name for name, each in model.named_parameters()}
        self._own = {
            module: [names[id(each)] for each in module.parameters(recurse=False)]
            for module in model.modules()
        }

    def begins(self, module: nn.Module, *_: Any) -> None:
        self._now += 1
        for name in self._own[module]:
            self.reads(name)
        self._running.append(Call(module, len(self._running)))

    def ends(self, module: nn.Module, _: Any, result: Any) -> None:
        self._now += 1
        call = self._running.pop()
        call.ended, call.versions = self._now, _versions(result)
        call.result = copy_of(result) if module in self._copied else result
        self.recording.calls.append(call)

    def reads(self, name: ParameterName) -> None:
        self.recording.first_read.setdefault(name, self._now)


def copy_of(result: Any) -> Any:
    """The same with tensors of its own."""
    return tree_map(lambda each: each.clone() if isinstance(each, Tensor) else each, result)


def _versions(result: Any) -> tuple[int, ...]:
    return tuple(each._version for each in tree_leaves(result) if isinstance(each, Tensor))


class _Reads(TorchFunctionMode):
    """Notes when a parameter is first among the arguments of a function."""

    def __init__(self, values: Mapping[ParameterName, Tensor], recorder: _Recorder) -> None:
        super().__init__()
        self._names = {each.untyped_storage().data_ptr(): name for name, each in values.items()}
        self._recorder = recorder

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for each in tree_leaves((args, kwargs)):
            if isinstance(each, Tensor):
                name = self._names.get(each.untyped_storage().data_ptr())
                if name is not None:
                    self._recorder.reads(name)
        return function(*args, **(kwargs or {}))
