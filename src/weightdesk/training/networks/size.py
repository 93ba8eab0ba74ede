"""How many weights a network will have, and whether memory holds them: asked before any is made."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from weightdesk.errors import OptionError
from weightdesk.training.memory import physical_memory
from weightdesk.training.networks.cnn import POOL_ABOVE
from weightdesk.training.networks.plan import Plan
from weightdesk.training.networks.textcnn import NARROWEST

_BYTES: Final = 16  # of a weight in training: itself, its gradient, and two moments of Adam, in float32


def refuse_beyond_memory(network: str, plan: Plan) -> None:
    """See that this machine can train a network at all.

    Raises:
        OptionError: its weights, gradients and moments need more memory than there is.

    >>> refuse_beyond_memory("mlp", Plan(input_shape=(2,), outputs=1, layers=(8,)))
    """
    weights, memory = count_weights(network, plan), physical_memory()
    if memory is not None and weights * _BYTES > memory:
        raise OptionError(
            f"--layers {','.join(map(str, plan.layers))[:80]} makes a network of {weights:,} weights, which "
            f"need {weights * _BYTES / 1e9:,.0f} GB to be trained, and this machine has {memory / 1e9:,.0f} "
            "GB; give smaller layers"
        )


def count_weights(network: str, plan: Plan) -> int:
    """Number of weights and biases; what cannot be built at all is counted roughly.

    >>> count_weights("mlp", Plan(input_shape=(2,), outputs=1, layers=(8,)))
    33
    """
    return _COUNTS[network](plan)


def _linear(*sizes: int) -> int:
    """Of linear layers in a row, with biases."""
    return sum((before + 1) * after for before, after in pairwise(sizes))


def _mlp(plan: Plan) -> int:
    return _linear(math.prod(plan.input_shape), *plan.layers, plan.outputs)


def _cnn(plan: Plan) -> int:
    channels, height, width = plan.input_shape if len(plan.input_shape) == 3 else (1, 2, 2)
    total = 0
    for number, filters in enumerate(plan.layers, start=1):
        total += (9 * channels + 1) * filters
        if min(height, width) >= POOL_ABOVE or number == len(plan.layers):
            height, width = height // 2, width // 2
        channels = filters
    return total + _linear(channels * height * width, plan.outputs)


def _textcnn(plan: Plan) -> int:
    widths = enumerate(plan.layers, start=NARROWEST)
    convolutions = sum((plan.embedding * width + 1) * filters for width, filters in widths)
    return plan.tokens * plan.embedding + convolutions + _linear(sum(plan.layers), plan.outputs)


def _transformer(plan: Plan) -> int:
    width = plan.embedding
    attention, norm = 4 * _linear(width, width), 2 * width
    blocks = sum(attention + 2 * norm + _linear(width, units, width) for units in plan.layers)
    return plan.tokens * width + blocks + norm + _linear(width, plan.outputs)


_COUNTS: Final[Mapping[str, Callable[[Plan], int]]] = MappingProxyType(
    {
        "mlp": _mlp,
        "cnn": _cnn,
        "neuron": lambda plan: _linear(math.prod(plan.input_shape), plan.outputs),
        "textcnn": _textcnn,
        "transformer": _transformer,
    }
)
