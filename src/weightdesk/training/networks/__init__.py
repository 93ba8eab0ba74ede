"""The built-in networks, with the names by which the desk shows their layers: one file a network.

| network | file | what |
| --- | --- | --- |
| mlp | `mlp.py` | fully connected |
| cnn | `cnn.py` | 3 × 3 convolutions of pictures |
| neuron | `neuron.py` | one weight an input, nothing hidden |
| textcnn | `textcnn.py` | convolutions of several widths over the words of a text |
| transformer | `transformer.py` | words that attend to each other |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import nn

from weightdesk.errors import OptionError
from weightdesk.training.networks import cnn, mlp, neuron, textcnn, transformer
from weightdesk.training.networks.plan import Plan
from weightdesk.training.networks.size import refuse_beyond_memory

__all__ = ["NETWORKS", "OF_TEXT", "Plan", "build"]

NETWORKS: Mapping[str, Callable[[Plan], nn.Module]] = MappingProxyType(
    {
        "mlp": mlp.make,
        "cnn": cnn.make,
        "neuron": neuron.make,
        "textcnn": textcnn.make,
        "transformer": transformer.make,
    }
)
"""Maker of each network, by name."""

OF_TEXT = ("textcnn", "transformer")
"""The networks whose inputs are rows of token numbers; those of the others are real numbers."""


def build(network: str, plan: Plan) -> nn.Module:
    """Build a network with torch's own initial weights, drawn from the global generator.

    Arguments:
        network: a key of `NETWORKS`.
        plan: what it takes, what it gives, and its sizes.

    Raises:
        OptionError: the network cannot take such inputs or layers, or is too large for this machine.

    >>> net = build("mlp", Plan(input_shape=(2,), outputs=3, layers=(8,)))
    >>> [name for name, _ in net.named_parameters()]
    ['hidden1.weight', 'hidden1.bias', 'output.weight', 'output.bias']

    """
    if plan.takes_tokens and network not in OF_TEXT:
        raise OptionError(
            f"--network {network} takes no texts, which the inputs are; use --network {' or '.join(OF_TEXT)}"
        )
    if network in OF_TEXT and not plan.takes_tokens:
        raise OptionError(
            f"--network {network} takes texts, and the inputs are numbers of shape {plan.input_shape}; use "
            "--network mlp, or name a column of text with --text"
        )
    refuse_beyond_memory(network, plan)
    return NETWORKS[network](plan)
