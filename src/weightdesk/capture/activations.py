"""What the layers of a network give for many examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weightdesk.capture.layers import Layer, unfused

BATCH: Final = 256

Read: TypeAlias = Callable[[Float[Tensor, "examples units places"]], Tensor]
"""What is kept of a layer's results for a batch; examples stay on axis 0."""


def as_they_are(values: Float[Tensor, "examples units places"]) -> Float[Tensor, "examples units places"]:
    """Keep everything."""
    return values


def mean_over_places(values: Float[Tensor, "examples units places"]) -> Float[Tensor, "examples units"]:
    """Keep the mean of each unit over the places of a map or a sentence."""
    return values.mean(2)


def activations(
    model: nn.Module,
    inputs: Tensor,
    layers: Iterable[Layer],
    read: Read = as_they_are,
    *,
    before: bool = False,
    batch: int = BATCH,
) -> dict[str, Tensor]:
    """Run a network on examples and read what its layers give.

    Arguments:
        model: in evaluation mode.
        inputs: examples on axis 0.
        layers: as `layers_of` finds them.
        read: what to keep of each batch, as whole results of all examples may not fit.
        before: whether to read the weighted sums z in place of what the activation function makes of them.
        batch: examples that are run at once.

    Returns:
        By the layer's name, what was read of all examples.

    >>> from weightdesk.capture.layers import layers_of
    >>> net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU())
    >>> found = activations(net, torch.zeros(2, 1, 5, 4), layers_of(net, torch.zeros(2, 1, 5, 4)))
    >>> found["0"].shape
    torch.Size([2, 3, 6])
    """
    wanted = tuple(layers)
    kept: dict[str, list[Tensor]] = {each.name: [] for each in wanted}
    for heard in passes(model, inputs, wanted, before=before, batch=batch):
        for layer, values in heard.items():
            kept[layer].append(read(values))
    return {name: torch.cat(parts) for name, parts in kept.items()}


def passes(
    model: nn.Module,
    inputs: Tensor,
    layers: Iterable[Layer],
    *,
    before: bool = False,
    batch: int = BATCH,
) -> Iterator[dict[str, Tensor]]:
    """Run a network on examples and give what its layers give, batch by batch.

    Arguments are those of `activations`; only one batch is in memory at a time.

    Yields:
        By the layer's name, its results for a batch, as examples, units and places.

    >>> net, inputs = nn.Linear(2, 3), torch.zeros(5, 2)
    >>> [len(heard[""]) for heard in passes(net, inputs, [Layer("", "Linear", 3)], batch=4)]
    [4, 1]
    """
    with torch.no_grad(), listening(model, layers, before=before) as heard:
        for some in torch.split(inputs, batch):
            heard.clear()
            model(some)
            yield heard


@contextmanager
def listening(
    model: nn.Module, layers: Iterable[Layer], *, before: bool = False
) -> Iterator[dict[str, Tensor]]:
    """Hear what layers give while the network runs; gradients flow through it.

    Arguments:
        model: the network.
        layers: those to listen to.
        before: whether to hear the weighted sums z in place of what the activation function makes of them.

    Yields:
        By the layer's name, the results of the last run, as examples, units and places.
    """
    heard: dict[str, Tensor] = {}
    modules = dict(model.named_modules())
    with ExitStack() as stack:
        stack.enter_context(unfused())
        for layer in layers:
            follows = None if before else layer.nonlinearity
            # a copy, as what follows may write into it
            made = torch.clone if follows is None else follows.of(model)
            stack.callback(modules[layer.name].register_forward_hook(_note(heard, layer, made)).remove)
        yield heard


def _note(heard: dict[str, Tensor], layer: Layer, made: Callable[[Tensor], Tensor]) -> Any:
    def hook(_module: nn.Module, _given: Any, result: Tensor) -> None:
        units = made(result).movedim(layer.unit_axis, 1)
        heard[layer.name] = units.reshape(*units.shape[:2], -1)

    return hook
