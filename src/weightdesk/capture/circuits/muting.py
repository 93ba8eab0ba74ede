"""What falls without a unit: the network runs again, exactly, with zero in the place of what it gives."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch
from jaxtyping import Num
from torch import Tensor, nn

from weightdesk.capture.activations import activations
from weightdesk.capture.examples.extremes import Extremes
from weightdesk.capture.layers import Layer
from weightdesk.errors import OptionError

_SILENT: Final = (0.0, -math.inf, math.inf)
"""Weighted sums of which one at least makes nearly every activation function give 0."""


@contextmanager
def muted(model: nn.Module, layer: Layer, unit: int) -> Iterator[None]:
    """Let a unit give 0 after its activation function, at all places.

    Raises:
        OptionError: the activation function never gives 0.

    >>> net, layer = nn.Linear(2, 2), Layer("", "Linear", 2)
    >>> with muted(net, layer, 1):
    ...     net(torch.ones(1, 2))[0, 1].item()
    0.0
    """
    follows = layer.nonlinearity
    activate = torch.clone if follows is None else follows.of(model)

    def hook(_module: nn.Module, _given: Any, result: Tensor) -> Tensor:
        chosen = torch.tensor([unit], device=result.device)
        for z in _SILENT:
            filled = result.index_fill(layer.unit_axis, chosen, z)
            if not activate(filled).select(layer.unit_axis, unit).any():
                return filled
        raise OptionError(f"{layer.name}: no weighted sum makes its activation function give 0")

    handle = model.get_submodule(layer.name).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def fall(
    model: nn.Module,
    inputs: Num[Tensor, "examples ..."],
    earlier: tuple[Layer, int],
    later: tuple[Layer, int],
    strongest: Extremes,
) -> float:
    """By what share a unit's activation falls at its strongest examples when an earlier unit is muted.

    1 where nothing is left, negative where it grows; not a number where it was not above 0. It is
    looked at where it was strongest, and its activation taken after the activation function.

    Arguments:
        model: in evaluation mode; it is left as it was.
        inputs: the examples.
        earlier: layer and number of the unit that is muted.
        later: layer and number of the unit that is looked at.
        strongest: the examples of each unit of the later layer, and the places.

    >>> net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 1, bias=False))
    >>> _ = net[0].weight.data.copy_(torch.eye(2)), net[1].weight.data.copy_(torch.tensor([[3.0, 1.0]]))
    >>> first, second = Layer("0", "Linear", 2), Layer("1", "Linear", 1)
    >>> at = Extremes(torch.tensor([[4.0]]), torch.tensor([[0]]), torch.tensor([[0]]))
    >>> fall(net, torch.ones(1, 2), (first, 0), (second, 0), at)
    0.75
    """
    layer, unit = later
    examples, places = strongest.examples[unit], strongest.places[unit]

    def activation() -> float:
        values = activations(model, inputs[examples], [layer])[layer.name][:, unit]
        return float(values.gather(1, places[:, None]).double().mean())

    before = activation()
    with muted(model, *earlier):
        after = activation()
    return 1 - after / before if before > 0 else float("nan")
