"""Layers in a row, each fully connected to the one before."""

from __future__ import annotations

import math

from torch import nn

from weightdesk.training.networks.plan import Layers, Plan, in_a_row


def make(plan: Plan) -> nn.Sequential:
    """Build it; dropout follows each hidden layer."""
    return in_a_row(_layers(plan))


def _layers(plan: Plan) -> Layers:
    if len(plan.input_shape) > 1:
        yield "flatten", nn.Flatten()
    fan_in = math.prod(plan.input_shape)
    for number, units in enumerate(plan.layers, start=1):
        yield f"hidden{number}", nn.Linear(fan_in, units)
        yield f"{plan.activation}{number}", plan.activate()
        if plan.dropout:
            yield f"dropout{number}", nn.Dropout(plan.dropout)
        fan_in = units
    yield "output", nn.Linear(fan_in, plan.outputs)
