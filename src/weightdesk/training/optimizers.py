"""The optimizers by name, and the step that each one really takes along a gradient.

Weights (two or more dimensions) are the first parameter group, biases the second: regularisers act
on the first only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop


@dataclass(frozen=True)
class Choice:
    """One optimizer: how to make it, its usual learning rate, whether torch decouples its decay."""

    make: Callable[..., Optimizer]
    lr: float
    decouples: bool
    arguments: Mapping[str, Any]


OPTIMIZERS: Mapping[str, Choice] = MappingProxyType(
    {
        # without momentum, torch's decay (added to the gradient) and decoupled decay are the same
        "sgd": Choice(SGD, 0.1, True, {}),
        "momentum": Choice(SGD, 0.02, False, {"momentum": 0.9}),
        "nesterov": Choice(SGD, 0.02, False, {"momentum": 0.9, "nesterov": True}),
        "rmsprop": Choice(RMSprop, 1e-3, False, {}),
        "adam": Choice(Adam, 1e-3, True, {"decoupled_weight_decay": True}),
        "adamw": Choice(AdamW, 1e-3, True, {}),
    }
)
"""Each optimizer by name."""


def make_optimizer(name: str, model: nn.Module, *, lr: float, weight_decay: float = 0.0) -> Optimizer:
    """Make an optimizer over all parameters of a model.

    Arguments:
        name: a key of `OPTIMIZERS`.
        model: what it trains.
        lr: learning rate.
        weight_decay: decoupled decay of the weights (Loshchilov & Hutter 2019), never of the biases;
            where torch has none it is left to `regularisers.regularise`.

    >>> optimizer = make_optimizer("momentum", nn.Linear(2, 1), lr=0.1)
    >>> optimizer.defaults["momentum"], len(optimizer.param_groups)
    (0.9, 2)

    """
    chosen = OPTIMIZERS[name]
    parameters = list(model.parameters())
    weights = [each for each in parameters if each.ndim > 1]
    biases = [each for each in parameters if each.ndim <= 1]
    decay = weight_decay if chosen.decouples else 0.0
    groups = [{"params": weights, "weight_decay": decay}, {"params": biases, "weight_decay": 0.0}]
    return chosen.make(groups, lr=lr, **chosen.arguments)


def step_size(optimizer: Optimizer, group: Mapping[str, Any], parameter: Tensor) -> float | Tensor:
    """Return how far a steady gradient of 1 moves each weight per step.

    A proximal step must use this length, not the learning rate, or it solves another problem than
    the one asked: momentum lengthens a steady step to lr / (1 − momentum), RMSprop and Adam divide it
    by the root of the running mean square (Yun, Lozano & Yang 2021, "Adaptive proximal gradient
    methods").

    >>> layer = nn.Linear(2, 1)
    >>> optimizer = make_optimizer("momentum", layer, lr=0.5)
    >>> round(step_size(optimizer, optimizer.param_groups[0], layer.weight), 6)
    5.0
    """
    lr = float(group["lr"])
    state = optimizer.state.get(parameter, {})
    if "exp_avg_sq" in state:
        unbiased = state["exp_avg_sq"] / (1 - group["betas"][1] ** float(state["step"]))
        return torch.as_tensor(lr / (unbiased.sqrt() + group["eps"]))
    if "square_avg" in state:
        return torch.as_tensor(lr / (state["square_avg"].sqrt() + group["eps"]))
    return lr / (1 - float(group.get("momentum", 0.0)))
