"""The layers of a network: modules with weights, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import torch
from torch import Tensor, nn

from weightdesk.capture.nonlinearities import Calls, Nonlinearity, is_per_unit, of_module
from weightdesk.errors import OptionError

_CONVOLUTIONS: Final = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
WEIGHTED: Final = (*_CONVOLUTIONS, nn.Linear, nn.Embedding)
"""The modules that count as layers."""


@dataclass(frozen=True)
class Layer:
    """A module with weights, and where its results go.

    Attributes:
        name: as `named_modules()` names it.
        kind: its class, such as `Conv2d`.
        units: how many numbers it gives for each place.
        nonlinearity: the activation function that directly follows; None where none does.
    """

    name: str
    kind: str
    units: int
    nonlinearity: Nonlinearity | None = field(default=None, compare=False)

    @property
    def unit_axis(self) -> int:
        """The axis of a result on which its units lie; examples are on axis 0."""
        return 1 if self.kind.startswith("Conv") else -1


def layers_of(model: nn.Module, inputs: Tensor) -> tuple[Layer, ...]:
    """Find the layers, each once, in the order in which they first run.

    Arguments:
        model: any module; it is run on the first example, in evaluation mode as it should be.
        inputs: examples on axis 0.

    Raises:
        OptionError: no layer runs.

    >>> net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    >>> first, second = layers_of(net, torch.zeros(1, 2))
    >>> first.name, first.units, first.nonlinearity.name, second.nonlinearity
    ('0', 4, 'relu', None)
    """
    met, modules = _Met(), dict(model.named_modules())
    with torch.no_grad(), unfused(), met.during(modules), Calls(met.follow):
        model(inputs[:1])
    if not met.results:
        raise OptionError(
            f"{type(model).__name__} runs no layer of {', '.join(each.__name__ for each in WEIGHTED)}"
        )
    return tuple(_layer(modules[name], name, met.following.get(name)) for name in met.results)


class _Met:
    """What is met while a network runs once.

    Attributes:
        results: of each layer, or of what normalised them.
        through: the modules that did.
        following: the activation function of each layer that has one.
    """

    def __init__(self) -> None:
        self.results: dict[str, Tensor] = {}
        self.through: dict[str, tuple[str, ...]] = {}
        self.following: dict[str, Nonlinearity] = {}

    @contextmanager
    def during(self, modules: dict[str, nn.Module]) -> Iterator[None]:
        with ExitStack() as stack:
            for name, module in modules.items():
                if found := of_module(name, module):
                    stack.callback(module.register_forward_pre_hook(self._activate(found)).remove)
                elif isinstance(module, WEIGHTED) or is_per_unit(module):
                    stack.callback(module.register_forward_hook(self._leave(name)).remove)
            yield

    def follow(self, z: Tensor, found: Nonlinearity) -> None:
        for layer in self._behind(z):
            self.following.setdefault(layer, replace(found, through=self.through.get(layer, ())))

    def _behind(self, z: Tensor) -> list[str]:
        return [layer for layer, value in self.results.items() if value is z]

    def _activate(self, found: Nonlinearity) -> Any:
        return lambda _module, given: self.follow(given[0], found)

    def _leave(self, name: str) -> Any:
        def hook(module: nn.Module, given: tuple[Any, ...], result: Tensor) -> None:
            if isinstance(module, WEIGHTED):
                self.results.setdefault(name, result)
                return
            for layer in self._behind(given[0]):
                self.results[layer], self.through[layer] = result, (*self.through.get(layer, ()), name)

        return hook


def _layer(module: nn.Module, name: str, following: Nonlinearity | None) -> Layer:
    weight: Tensor = module.weight  # type: ignore[assignment]
    units = weight.shape[1] if isinstance(module, nn.Embedding) else weight.shape[0]
    return Layer(name, _kind(module), units, following)


def _kind(module: nn.Module) -> str:
    """The torch class that counts, also where the module is of a class derived from it."""
    return next(each.__name__ for each in WEIGHTED if isinstance(module, each))


@contextmanager
def unfused() -> Iterator[None]:
    """Let transformer layers run module by module, not as one operation that no hook sees."""
    was = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was)
