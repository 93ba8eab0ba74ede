"""Activation functions: which one follows a layer, be it a module or a function that the network calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from torch import Tensor, nn
from torch.nn.modules import activation
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

_OTHERS: Final = ("MultiheadAttention", "GLU")  # no function of one unit's sum alone

MODULES: Final = tuple(getattr(activation, name) for name in activation.__all__ if name not in _OTHERS)

_NAMES: Final = frozenset(each.__name__.lower() for each in MODULES)


@dataclass(frozen=True, eq=False)
class Nonlinearity:
    """What a network makes of the weighted sums of a layer.

    Attributes:
        name: in small letters, such as `relu` or `leakyrelu`.
        module: the name of the module; None where the network calls a function.
        function: the function.
        through: the modules between the weighted sums and it: batch normalisation, in evaluation mode
            a number of its own for each unit.

    >>> import torch
    >>> Nonlinearity("relu", function=torch.relu_).of(nn.Identity())(torch.tensor([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    name: str
    module: str | None = None
    function: Callable[[Tensor], Tensor] | None = None
    through: tuple[str, ...] = ()

    def of(self, model: nn.Module) -> Callable[[Tensor], Tensor]:
        """The function, with the weights that a network of this build has in it; it changes no argument."""
        function = self.function if self.module is None else model.get_submodule(self.module)
        assert function is not None, "a nonlinearity is a module or a function"
        return lambda z: function(self.given(model, z))

    def given(self, model: nn.Module, z: Tensor) -> Tensor:
        """What the function is given where the weighted sums are z; a tensor of its own."""
        given = z.clone()
        for name in self.through:
            given = model.get_submodule(name)(given)
        return given


def is_per_unit(module: nn.Module) -> bool:
    """Whether a module gives each unit a factor and an amount of its own, and mixes nothing."""
    return isinstance(module, _BatchNorm) and not module.training


def of_module(name: str, module: nn.Module) -> Nonlinearity | None:
    """The activation function that a module is; None where it is none."""
    kinds = (each.__name__.lower() for each in MODULES if isinstance(module, each))
    kind = next(kinds, None)
    return None if kind is None else Nonlinearity(kind, module=name)


class Calls(TorchFunctionMode):
    """While a network runs, tells which activation functions it calls on what.

    Arguments:
        note: called with the tensor and the function.
    """

    def __init__(self, note: Callable[[Tensor, Nonlinearity], None]) -> None:
        super().__init__()
        self._note = note

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the function, and tell of it where it is one."""
        name = getattr(func, "__name__", "").replace("_", "")
        if name in _NAMES and args and isinstance(args[0], Tensor):
            called = partial(_on, func, args[1:], kwargs or {})
            self._note(args[0], Nonlinearity(name, function=called))
        return func(*args, **kwargs or {})


def _on(func: Any, further: tuple[Any, ...], options: dict[str, Any], z: Tensor) -> Tensor:
    result: Tensor = func(z, *further, **options)
    return result
