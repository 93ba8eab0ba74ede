"""How the learning rate changes over a training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

SCHEDULES: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {
        "constant": lambda _done: 1.0,
        "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
        "step": lambda done: 0.1 ** int(3 * done),
    }
)
"""Share of the first learning rate, by the share of the training that is done.

`cosine` is half a cosine wave down to zero (Loshchilov & Hutter 2017), `step` a tenth after each
third of the steps.
"""


def learning_rate(schedule: str, lr: float, step: int, steps: int) -> float:
    """Return the learning rate of one step.

    Arguments:
        schedule: a key of `SCHEDULES`.
        lr: learning rate of the first step.
        step: steps done, from 0.
        steps: steps of the whole training.

    >>> [round(learning_rate("step", 1.0, step, 9), 3) for step in (0, 2, 3, 8)]
    [1.0, 1.0, 0.1, 0.01]

    """
    return lr * SCHEDULES[schedule](step / steps)
