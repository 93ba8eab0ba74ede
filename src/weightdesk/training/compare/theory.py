"""What theory expects of a signal in a row of layers with random weights.

For independent weights of mean zero the variance of the weighted sums z is multiplied, from one layer to
the next, by fan-in × Var(w) × gain, where gain = E[φ(z)²] / Var(z): 1/2 for a ReLU (He et al. 2015), 1 for
tanh near zero (Glorot & Bengio 2010). Going back, the variance of the gradient is multiplied by fan-out ×
Var(w) × E[φ′(z)²]. Both stay the same from layer to layer where the factor is 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import nn

from weightdesk.training.activations import LEAKY_SLOPE

GAINS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "relu": (0.0, 0.5),
        "leaky_relu": (0.0, (1 + LEAKY_SLOPE**2) / 2),
        "tanh": (0.0, 1.0),
        "sigmoid": (0.25, 1 / 16),
        "gelu": (0.0, 0.25),
    }
)
"""Of each activation, E[φ(z)²] for small z as an offset and a multiple of Var(z), which is E[φ′(z)²], too.

Exact at any size of z for ReLU and leaky ReLU, near zero for the others."""


@dataclass(frozen=True)
class Law:
    """What decides how a layer multiplies a variance.

    Attributes:
        fan_in: weights into a unit.
        fan_out: weights that a unit of the layer before feeds.
        variance: of the weights; not a number where they are not spread around zero.
        activation: name of the activation behind each layer but the last.
    """

    fan_in: int
    fan_out: int
    variance: float
    activation: str

    @classmethod
    def of(cls, module: nn.Linear | nn.Conv1d | nn.Conv2d, activation: str) -> Law:
        """Read it from a layer as it is.

        >>> Law.of(nn.Linear(30, 20), "relu").fan_in
        30
        """
        weight = module.weight.detach().double()
        window = math.prod(weight.shape[2:])
        variance, mean = float(weight.var(correction=0)), float(weight.mean())
        # Weights that are one and the same number add up instead of averaging out.
        around_zero = mean**2 * weight.numel() <= 25 * variance or not weight.any()
        return cls(
            weight.shape[1] * window,
            weight.shape[0] * window,
            variance if around_zero else math.nan,
            activation,
        )

    @property
    def factor(self) -> float:
        """By which the variance is multiplied from the sums of the layer before to those of this one."""
        return self.fan_in * self.variance * GAINS[self.activation][1]


def predict(laws: Sequence[Law], power: float, last: float) -> tuple[list[float], list[float], list[float]]:
    """Standard deviations of z and of its gradient in each layer, and the factors of the variance.

    Arguments:
        laws: one a layer.
        power: mean square of the inputs.
        last: standard deviation of the gradient at the last layer.

    Returns:
        Forward, backward, factors; the first layer's factor is that from the inputs.

    >>> laws = [Law(8, 8, 2 / 8, "relu")] * 3
    >>> forward, backward, factors = predict(laws, 1.0, 1.0)
    >>> [round(each, 3) for each in forward], factors
    ([1.414, 1.414, 1.414], [2.0, 1.0, 1.0])
    """
    if not laws:
        return [], [], []
    forward = [laws[0].fan_in * laws[0].variance * power]
    for law in laws[1:]:
        offset, gain = GAINS[law.activation]
        forward.append(law.fan_in * law.variance * (offset + gain * forward[-1]))
    backward = [last**2]
    for law in reversed(laws[1:]):
        backward.insert(0, backward[0] * law.fan_out * law.variance * GAINS[law.activation][1])
    factors = [laws[0].fan_in * laws[0].variance, *(law.factor for law in laws[1:])]
    root: Callable[[Any], float] = math.sqrt
    return [*map(root, forward)], [*map(root, backward)], factors
