"""The layers of a network: modules with weights, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.modules import activation

from weightdesk.errors import OptionError

_CONVOLUTIONS: Final = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
WEIGHTED: Final = (*_CONVOLUTIONS, nn.Linear, nn.Embedding)
"""The modules that count as layers."""

_ACTIVATIONS: Final = tuple(
    getattr(activation, name) for name in activation.__all__ if name != "MultiheadAttention"
)


@dataclass(frozen=True)
class Layer:
    """A module with weights, and where its results go.

    Attributes:
        name: as `named_modules()` names it.
        kind: its class, such as `Conv2d`.
        units: how many numbers it gives for each place.
        activated: the module whose results the network goes on with: its activation function, or
            itself where none follows directly.
    """

    name: str
    kind: str
    units: int
    activated: str

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
    >>> [(each.name, each.units, each.activated) for each in layers_of(net, torch.zeros(1, 2))]
    [('0', 4, '1'), ('2', 1, '2')]
    """
    results: dict[str, Tensor] = {}
    activated: dict[str, str] = {}
    modules = dict(model.named_modules())

    def note(name: str) -> Any:
        def hook(module: nn.Module, given: tuple[Any, ...], result: Any) -> None:
            if isinstance(module, WEIGHTED):
                results.setdefault(name, result)
            elif isinstance(module, _ACTIVATIONS):
                for layer, value in results.items():
                    if given and value is given[0]:
                        activated.setdefault(layer, name)

        return hook

    handles = [module.register_forward_hook(note(name)) for name, module in modules.items()]
    try:
        with torch.no_grad(), unfused():
            model(inputs[:1])
    finally:
        for handle in handles:
            handle.remove()
    if not results:
        raise OptionError(
            f"{type(model).__name__} runs no layer of {', '.join(each.__name__ for each in WEIGHTED)}"
        )
    return tuple(_layer(modules[name], name, activated.get(name, name)) for name in results)


def _layer(module: nn.Module, name: str, activated: str) -> Layer:
    weight: Tensor = module.weight  # type: ignore[assignment]
    units = weight.shape[1] if isinstance(module, nn.Embedding) else weight.shape[0]
    return Layer(name, _kind(module), units, activated)


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
