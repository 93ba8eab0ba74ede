"""What a network is to be made of."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from torch import nn

from weightdesk.training.activations import ACTIVATIONS

Layers: TypeAlias = Iterator[tuple[str, nn.Module]]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a network takes, what it gives, and its sizes.

    Attributes:
        input_shape: shape of one example: features, (channels, height, width), or tokens in a row.
        outputs: classes, or values to predict.
        layers: units of each hidden layer; filters of each convolution; hidden units of each block.
        activation: a key of `ACTIVATIONS`.
        dropout: share of hidden units left out in training (Srivastava et al. 2014).
        tokens: how many tokens there are, padding (number 0) included; 0 where inputs are no tokens.
        embedding: numbers that stand for a token.
        heads: attention heads of each block.
    """

    input_shape: tuple[int, ...]
    outputs: int
    layers: tuple[int, ...] = ()
    activation: str = "relu"
    dropout: float = 0.0
    tokens: int = 0
    embedding: int = 64
    heads: int = 4

    @property
    def takes_tokens(self) -> bool:
        """Whether inputs are rows of token numbers."""
        return self.tokens > 0

    def activate(self) -> nn.Module:
        """A new activation module."""
        return ACTIVATIONS[self.activation]()


def in_a_row(layers: Layers) -> nn.Sequential:
    """Modules that run one after the other, by their names."""
    return nn.Sequential(OrderedDict(layers))
