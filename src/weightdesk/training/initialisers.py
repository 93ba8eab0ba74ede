"""How weights start: ten published or plain initialisers, and torch's own.

| name | weights | source |
| --- | --- | --- |
| zeros, constant | 0, or 0.1 everywhere: hidden units stay alike for ever | |
| normal, uniform | standard deviation 0.1, or what is asked, whatever the layer's size | |
| xavier_uniform, xavier_normal | variance 2 / (fan-in + fan-out) | Glorot & Bengio 2010 |
| he_uniform, he_normal | variance 2 / ((1 + a²) fan-in), a the slope of a leaky ReLU | He et al. 2015 |
| lecun_normal | variance 1 / fan-in | LeCun et al. 1998, Klambauer et al. 2017 |
| orthogonal | rows (or columns, if fewer) of length 1 at right angles | Saxe et al. 2014 |
| default | as torch made them: uniform within ± 1/√fan-in, biases too | |

Biases start at zero with all but `default`; gains of normalisation at one, and the embedding of padding
at zero, with all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from torch import Tensor, nn

from weightdesk.training.activations import LEAKY_SLOPE

Initialiser: TypeAlias = Callable[[Tensor, float], Any]
"""Fills a weight in place; the number is the slope of the activation's negative side, or for those in
`SPREADING` the standard deviation."""

CONSTANT = 0.1
SPREAD = 0.1

INITIALISERS: Mapping[str, Initialiser | None] = MappingProxyType(
    {
        "zeros": lambda weight, _slope: nn.init.zeros_(weight),
        "constant": lambda weight, _slope: nn.init.constant_(weight, CONSTANT),
        "normal": lambda weight, std: nn.init.normal_(weight, std=std),
        "uniform": lambda weight, std: nn.init.uniform_(weight, -std * math.sqrt(3), std * math.sqrt(3)),
        "xavier_uniform": lambda weight, _slope: nn.init.xavier_uniform_(weight),
        "xavier_normal": lambda weight, _slope: nn.init.xavier_normal_(weight),
        "he_uniform": nn.init.kaiming_uniform_,
        "he_normal": nn.init.kaiming_normal_,
        "lecun_normal": lambda weight, _slope: nn.init.kaiming_normal_(weight, nonlinearity="linear"),
        "orthogonal": lambda weight, _slope: nn.init.orthogonal_(weight),
        "default": None,
    }
)
"""Each initialiser by name; None leaves the weights as torch made them."""

SPREADING = ("normal", "uniform")
"""Those whose standard deviation can be chosen."""


def initialise(model: nn.Module, name: str, activation: str, std: float = SPREAD) -> None:
    """Fill all weights of a model in place and set its biases to zero, from torch's global generator.

    Arguments:
        model: its parameters of two or more dimensions are weights, the others biases; those of
            normalisation stay as they are, and so does the embedding of padding.
        name: a key of `INITIALISERS`.
        activation: name of the activation; only `leaky_relu` matters, and only to He's initialisers.
        std: standard deviation of the weights of `normal` and `uniform`.

    >>> layer = nn.Linear(3, 2)
    >>> initialise(layer, "constant", "relu")
    >>> layer.weight.tolist()[0], layer.bias.tolist()
    ([0.10000000149011612, 0.10000000149011612, 0.10000000149011612], [0.0, 0.0])

    """
    fill = INITIALISERS[name]
    if fill is None:
        return
    slope = LEAKY_SLOPE if activation == "leaky_relu" else 0.0
    number = std if name in SPREADING else slope
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            continue
        for parameter in module.parameters(recurse=False):
            if parameter.ndim > 1:
                fill(parameter, number)
            else:
                nn.init.zeros_(parameter)
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            nn.init.zeros_(module.weight.data[module.padding_idx])
