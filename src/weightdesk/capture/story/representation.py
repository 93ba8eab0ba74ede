"""What a layer makes of the examples, as one row of numbers an example."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import torch
from jaxtyping import Float, Float64, Num
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.capture.activations import passes
from weightdesk.capture.layers import Layer

FEATURES: Final = 512
"""Numbers that are kept of a layer for each example, so that a large map costs no more than a small one."""

_ROUNDING: Final = 1e-12  # of a feature's size, that summing up many of them may leave

INPUTS: Final = "inputs"
"""The name of what the network is given, which is a layer like the others in these scores."""


def representations(
    model: nn.Module,
    inputs: Num[Tensor, "examples ..."],
    layers: Iterable[Layer],
    features: int = FEATURES,
) -> dict[str, Float64[Tensor, "examples features"]]:
    """The inputs, and what each layer gives after its activation function.

    Arguments:
        model: in evaluation mode.
        inputs: examples on axis 0; token numbers are no amounts and are left out of the result.
        layers: as `layers_of` finds them.
        features: how many numbers of a map or a sentence are kept; see `pooled`.

    Returns:
        By the layer's name, in their order.

    >>> from weightdesk.capture.layers import layers_of
    >>> net, inputs = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1)), torch.ones(3, 2)
    >>> found = representations(net, inputs, layers_of(net, inputs))
    >>> {name: tuple(each.shape) for name, each in found.items()}
    {'inputs': (3, 2), '0': (3, 4), '2': (3, 1)}
    """
    wanted = tuple(layers)
    kept: dict[str, list[Tensor]] = {INPUTS: []} if inputs.is_floating_point() else {}
    kept |= {each.name: [] for each in wanted}
    if INPUTS in kept:
        units = inputs.reshape(*inputs.shape[:2], -1)
        kept[INPUTS].append(pooled(units, features, inputs.ndim == 4).flatten(1))
    for heard in passes(model, inputs, wanted):
        for layer in wanted:
            values = pooled(heard[layer.name], features, layer.kind == "Conv2d")
            kept[layer.name].append(values.flatten(1))
    return {name: torch.cat(parts).double() for name, parts in kept.items()}


def pooled(
    values: Float[Tensor, "examples units places"], features: int, plane: bool
) -> Float[Tensor, "examples units cells"]:
    """The mean of each unit in the cells of a grid, so many that units × cells ≤ features; one cell at least.

    Arguments:
        values: of a map, a sentence or a row.
        features: the most that are kept of an example; all places are where they are no more.
        plane: whether the places are those of a square map, row by row, rather than of a line.

    >>> pooled(torch.arange(16.0).view(1, 1, 16), 4, plane=True)
    tensor([[[ 2.5000,  4.5000, 10.5000, 12.5000]]])
    """
    units, places = values.shape[1:]
    cells = max(1, features // units)
    side = math.isqrt(places)
    if places <= cells:
        return values
    if plane and side**2 == places:
        maps = values.reshape(*values.shape[:2], side, side)
        return functional.adaptive_avg_pool2d(maps, math.isqrt(cells)).flatten(2)
    return functional.adaptive_avg_pool1d(values, cells)


def centred(features: Float64[Tensor, "examples features"]) -> Float64[Tensor, "examples features"]:
    """The features with mean 0; those that differ by no more than rounding are 0 throughout.

    >>> centred(torch.tensor([[0.1, 1.0], [0.1, 3.0], [0.1, 2.0]]).double()).tolist()
    [[0.0, -1.0], [0.0, 1.0], [0.0, 0.0]]
    """
    moved = features - features.mean(0)
    varies = moved.abs().amax(0) > _ROUNDING * features.abs().amax(0)
    return moved * varies
