"""The built-in networks: layers in a row, with the names by which the desk shows them."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TypeAlias

from torch import nn

from weightdesk.errors import OptionError
from weightdesk.training.activations import ACTIVATIONS

Layers: TypeAlias = Iterator[tuple[str, nn.Module]]

POOL_ABOVE = 16  # pictures this large or larger are halved after each convolution, smaller ones once


def build(
    network: str,
    input_shape: tuple[int, ...],
    outputs: int,
    *,
    layers: tuple[int, ...] = (),
    activation: str = "relu",
    dropout: float = 0.0,
) -> nn.Sequential:
    """Build a network with torch's own initial weights, drawn from the global generator.

    Arguments:
        network: `mlp` (fully connected), `cnn` (3 × 3 convolutions) or `neuron` (no hidden layer).
        input_shape: shape of one example: features, or (channels, height, width).
        outputs: classes, or values to predict.
        layers: units of each hidden layer; channels of each convolution for a `cnn`.
        activation: a key of `ACTIVATIONS`.
        dropout: share of hidden units left out in training: after each hidden layer of an `mlp`,
            before the last layer of a `cnn` (Srivastava et al. 2014).

    Raises:
        OptionError: the network cannot take such inputs or layers.

    >>> [name for name, _ in build("mlp", (2,), 3, layers=(8,)).named_parameters()]
    ['hidden1.weight', 'hidden1.bias', 'output.weight', 'output.bias']

    """
    make = NETWORKS[network]
    return nn.Sequential(OrderedDict(make(input_shape, outputs, layers, activation, dropout)))


def _mlp(
    input_shape: tuple[int, ...], outputs: int, layers: tuple[int, ...], activation: str, dropout: float
) -> Layers:
    if len(input_shape) > 1:
        yield "flatten", nn.Flatten()
    fan_in = math.prod(input_shape)
    for number, units in enumerate(layers, start=1):
        yield f"hidden{number}", nn.Linear(fan_in, units)
        yield f"{activation}{number}", ACTIVATIONS[activation]()
        if dropout:
            yield f"dropout{number}", nn.Dropout(dropout)
        fan_in = units
    yield "output", nn.Linear(fan_in, outputs)


def _cnn(
    input_shape: tuple[int, ...], outputs: int, layers: tuple[int, ...], activation: str, dropout: float
) -> Layers:
    if len(input_shape) != 3 or not layers or min(input_shape[1:]) < 2:
        raise OptionError(
            "--network cnn needs --layers and pictures of (channels, height, width) with 2 pixels a side or "
            f"more, got inputs of shape {input_shape} and layers {layers}; use --network mlp"
        )
    channels, height, width = input_shape
    for number, filters in enumerate(layers, start=1):
        yield f"conv{number}", nn.Conv2d(channels, filters, kernel_size=3, padding=1)
        yield f"{activation}{number}", ACTIVATIONS[activation]()
        if min(height, width) >= POOL_ABOVE or number == len(layers):
            yield f"pool{number}", nn.MaxPool2d(2)
            height, width = height // 2, width // 2
        channels = filters
    yield "flatten", nn.Flatten()
    if dropout:
        yield "dropout", nn.Dropout(dropout)
    yield "output", nn.Linear(channels * height * width, outputs)


def _neuron(
    input_shape: tuple[int, ...], outputs: int, layers: tuple[int, ...], activation: str, dropout: float
) -> Layers:
    if layers or dropout:
        raise OptionError(
            f"--network neuron has no hidden layer, got --layers {layers} and --dropout {dropout:g}; "
            "use --network mlp"
        )
    return _mlp(input_shape, outputs, (), activation, 0.0)


NETWORKS: Mapping[str, Callable[[tuple[int, ...], int, tuple[int, ...], str, float], Layers]] = (
    MappingProxyType({"mlp": _mlp, "cnn": _cnn, "neuron": _neuron})
)
"""Maker of each network's layers, by name."""
