"""Observe what modules return, without a hook on them.

A forward hook lies in the module: `torch.save(model)`, pickle, `torch.jit.script` and a copy for another
process take it along or fail on it, and `torch.compile` traces it. PyTorch asks each module, before it
calls it, for a compiled call in `_compiled_call_impl`, an attribute that the class defines as None. A
descriptor in its place answers None for every module but the observed ones, so that nothing lies in a module
and a call that is compiled, traced or scripted meets none of this.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeAlias

import torch
from torch import nn

from weightdesk.recording.endings import describe_error
from weightdesk.recording.warning import warn
from weightdesk.statistics.memory import is_tracing

CallObserver: TypeAlias = Callable[[nn.Module, tuple[Any, ...], dict[str, Any], Any], None]
"""Called with a module, the arguments of a call, and what it returned."""

_SLOT: Final = "_compiled_call_impl"

_observers: Final[dict[int, list[CallObserver]]] = {}
"""By the `id` of a module, which its observation keeps alive."""

_observed_per_class: Final[dict[type[nn.Module], int]] = {}


class _ObservedCall:
    """Stands in a class where PyTorch looks for a module's compiled call.

    It has no `__set__`: a module that is compiled on its own, by `module.compile()`, goes before it.
    """

    def __get__(self, module: nn.Module | None, owner: type[nn.Module]) -> Callable[..., Any] | None:
        # is_compiling comes first: while torch.compile traces, nothing else of this may be traced
        if torch.compiler.is_compiling() or id(module) not in _observers or is_tracing():
            return None
        return partial(_call_observed, module)  # type: ignore[arg-type]  # no id of None is observed

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        """A class pickled by value, as cloudpickle does with those of `__main__`, gets PyTorch's None."""
        return type(None), ()


_OBSERVED_CALL: Final = _ObservedCall()


def _call_observed(module: nn.Module, *arguments: Any, **options: Any) -> Any:
    outputs = module._call_impl(*arguments, **options)  # type: ignore[no-untyped-call]
    for observer in tuple(_observers.get(id(module), ())):
        try:
            observer(module, arguments, options, outputs)
        except Exception as error:  # the training must go on whatever it is
            with suppress(KeyError, ValueError):
                _observers[id(module)].remove(observer)
            warn(f"weightdesk observes calls of a {type(module).__name__} no more: {describe_error(error)}")
    return outputs


class ModuleObservation:
    """Calls an observer whenever a module has been called from Python, until `remove`.

    Calls that `torch.compile`, `torch.export` or `torch.jit` trace or compile are not observed.

    Arguments:
        module: whose calls are observed.
        observer: called with the module, its positional and keyword arguments, and its outputs. If it
            raises an exception it is called no more, and the user is warned.

    >>> outputs = []
    >>> observation = ModuleObservation(layer := nn.Linear(2, 3), lambda *call: outputs.append(call[3]))
    >>> layer(torch.ones(4, 2)) is outputs[0], "_forward_hooks" in vars(layer) and not layer._forward_hooks
    (True, True)
    >>> observation.remove()
    """

    def __init__(self, module: nn.Module, observer: CallObserver) -> None:
        self._module, self._observer, self._class = module, observer, type(module)
        self._is_on = True
        _observers.setdefault(id(module), []).append(observer)
        _observed_per_class[self._class] = _observed_per_class.get(self._class, 0) + 1
        setattr(self._class, _SLOT, _OBSERVED_CALL)

    def remove(self) -> None:
        """Observe no more; leaves the class as it was if no other module of it is observed."""
        if not self._is_on:
            return
        self._is_on = False
        observers = _observers.get(id(self._module), [])
        with suppress(ValueError):  # it has failed
            observers.remove(self._observer)
        if not observers:
            _observers.pop(id(self._module), None)
        _observed_per_class[self._class] -= 1
        if not _observed_per_class[self._class]:
            del _observed_per_class[self._class]
            if vars(self._class).get(_SLOT) is _OBSERVED_CALL:
                delattr(self._class, _SLOT)


def is_compiled(module: nn.Module) -> bool:
    """Whether the calls of a module are compiled by `module.compile()`, so that none can be observed."""
    return _SLOT in vars(module) and vars(module)[_SLOT] is not None
