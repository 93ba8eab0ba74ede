"""What is made strong: directions among the units of a layer, at the centre of its map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from weightdesk.capture.activations import Read, activations
from weightdesk.capture.layers import Layer, unfused


class _HeardError(Exception):
    """The layer has given its result; what follows need not run."""

    def __init__(self, result: Tensor) -> None:
        self.result = result


def result_of(model: nn.Module, layer: Layer, inputs: Tensor) -> Float[Tensor, "examples units ..."]:
    """What the activation function of a layer is given, its units on axis 1; the network runs no further.

    These are the weighted sums, normalised where the network does that.

    >>> layer = Layer("0", "Conv2d", 3)
    >>> net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU())
    >>> result_of(net, layer, torch.zeros(2, 1, 5, 4)).shape
    torch.Size([2, 3, 3, 2])
    """

    def stop(_module: nn.Module, _given: Any, result: Tensor) -> None:
        raise _HeardError(result)

    handle = dict(model.named_modules())[layer.name].register_forward_hook(stop)
    try:
        with unfused():
            model(inputs)
    except _HeardError as heard:
        z = heard.result if layer.nonlinearity is None else layer.nonlinearity.given(model, heard.result)
        return z.movedim(layer.unit_axis, 1)
    finally:
        handle.remove()
    raise AssertionError(f"{layer.name} does not run")


def central(results: Float[Tensor, "examples units ..."]) -> Float[Tensor, "examples units"]:
    """What is at the centre of a map; of an even number of places the one behind the middle.

    >>> central(torch.arange(4.0).view(1, 1, 2, 2)).item()
    3.0
    """
    while results.ndim > 2:
        results = results[..., results.shape[-1] // 2]
    return results


@dataclass(frozen=True, eq=False)
class Target:
    """Directions among the units of a layer.

    Attributes:
        model: in evaluation mode.
        layer: whose units they are.
        directions: one a row; a single unit is a row with a single 1.
    """

    model: nn.Module
    layer: Layer
    directions: Float[Tensor, "directions units"]

    def strongest(self, inputs: Float[Tensor, "examples ..."]) -> Float[Tensor, "examples directions"]:
        """How strong each direction is in each example, at the place of the map where it is strongest."""
        read: Read = lambda values: torch.einsum("nup,du->ndp", values, self.directions).amax(2)  # noqa: E731
        return activations(self.model, inputs, [self.layer], read, batch=64)[self.layer.name]
