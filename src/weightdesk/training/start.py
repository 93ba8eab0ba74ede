"""Weights that a training goes on from, in place of those that its recipe draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True, eq=False)
class Start:
    """Where a training begins: at weights that something else has made.

    The optimizer begins afresh, and so does the learning rate's schedule.

    Attributes:
        load: puts the weights into the recipe's network; raises where they do not fit, and then leaves
            it as it was.
        parent: which run, step and turns they come from, as JSON can hold it.

    >>> start = Start(lambda model: nn.init.ones_(model.weight), {"run": "runs/digits", "step": 128})
    >>> _ = start.load(model := nn.Linear(2, 1))
    >>> model.weight.tolist()
    [[1.0, 1.0]]
    """

    load: Callable[[nn.Module], object]
    parent: Mapping[str, Any]
