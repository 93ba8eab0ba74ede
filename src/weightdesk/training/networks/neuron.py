"""One layer without anything hidden: of one output, a neuron with one weight an input."""

from __future__ import annotations

from torch import nn

from weightdesk.errors import OptionError
from weightdesk.training.networks import mlp
from weightdesk.training.networks.plan import Plan


def make(plan: Plan) -> nn.Sequential:
    """Build it.

    Raises:
        OptionError: hidden layers, or dropout of their units, were asked for.

    """
    if plan.layers or plan.dropout:
        raise OptionError(
            f"--network neuron has no hidden layer, got --layers {plan.layers} and --dropout "
            f"{plan.dropout:g}; use --network mlp"
        )
    return mlp.make(plan)
