"""3 × 3 convolutions of pictures."""

from __future__ import annotations

from torch import nn

from weightdesk.errors import OptionError
from weightdesk.training.networks.plan import Layers, Plan, in_a_row

POOL_ABOVE = 16  # pictures this large or larger are halved after each convolution, smaller ones once


def make(plan: Plan) -> nn.Sequential:
    """Build it; dropout stands before the last layer.

    Raises:
        OptionError: there are no layers, or the inputs are no pictures.

    """
    shape = plan.input_shape
    if len(shape) != 3 or not plan.layers or min(shape[1:]) < 2:
        raise OptionError(
            "--network cnn needs --layers and pictures of (channels, height, width) with 2 pixels a side or "
            f"more, got inputs of shape {shape} and layers {plan.layers}; use --network mlp"
        )
    return in_a_row(_layers(plan))


def _layers(plan: Plan) -> Layers:
    channels, height, width = plan.input_shape
    for number, filters in enumerate(plan.layers, start=1):
        yield f"conv{number}", nn.Conv2d(channels, filters, kernel_size=3, padding=1)
        yield f"{plan.activation}{number}", plan.activate()
        if min(height, width) >= POOL_ABOVE or number == len(plan.layers):
            yield f"pool{number}", nn.MaxPool2d(2)
            height, width = height // 2, width // 2
        channels = filters
    yield "flatten", nn.Flatten()
    if plan.dropout:
        yield "dropout", nn.Dropout(plan.dropout)
    yield "output", nn.Linear(channels * height * width, plan.outputs)
