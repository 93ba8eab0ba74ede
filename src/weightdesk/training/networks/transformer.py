"""Words that attend to each other: a small pre-norm transformer encoder (Vaswani et al. 2017).

Attention is written out with a plain layer for each projection, so that the weights of a head are
rows of `query`, `key` and `value` and columns of `output`, one head after the other.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from weightdesk.errors import OptionError
from weightdesk.training.networks.plan import Plan


class Attention(nn.Module):
    """Each place reads from all places that hold a word, through several heads.

    Attributes:
        heads: how many.
        softmax: gives what each head attends to, as examples × heads × places × places.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.softmax = nn.Softmax(dim=-1)
        self.output = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "examples places width"], words: Bool[Tensor, "examples places"]
    ) -> Float[Tensor, "examples places width"]:
        """What each place has read; padding is never attended to."""
        query, key, value = (self._by_head(each(x)) for each in (self.query, self.key, self.value))
        scores = query @ key.transpose(2, 3) / math.sqrt(key.shape[3])
        # not −∞: a text without any word would become NaN
        hidden = scores.masked_fill(~words[:, None, None], torch.finfo(scores.dtype).min)
        read: Tensor = self.output((self.softmax(hidden) @ value).transpose(1, 2).flatten(2))
        return read

    def _by_head(self, x: Tensor) -> Float[Tensor, "examples heads places size"]:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


class Block(nn.Module):
    """Attention, then a hidden layer at each place; both add to what comes in."""

    def __init__(self, plan: Plan, units: int) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(plan.embedding), Attention(plan.embedding, plan.heads)
        self.norm2, self.hidden = nn.LayerNorm(plan.embedding), nn.Linear(plan.embedding, units)
        self.activation, self.output = plan.activate(), nn.Linear(units, plan.embedding)
        self.dropout1, self.dropout2 = nn.Dropout(plan.dropout), nn.Dropout(plan.dropout)

    def forward(
        self, x: Float[Tensor, "examples places width"], words: Bool[Tensor, "examples places"]
    ) -> Float[Tensor, "examples places width"]:
        """What comes in, and what the block has to add."""
        x = x + self.dropout1(self.attention(self.norm1(x), words))
        added: Tensor = self.dropout2(self.output(self.activation(self.hidden(self.norm2(x)))))
        return x + added


class Transformer(nn.Module):
    """`embedding` and `positions`, `block1`, `block2` …, the mean over the words, `output`.

    Arguments:
        plan: `layers` are the hidden units of each block; dropout stands behind attention and hidden
            layer of each.

    >>> net = Transformer(Plan(input_shape=(9,), outputs=2, tokens=50, layers=(32,), embedding=8, heads=2))
    >>> net(torch.ones(5, 9, dtype=torch.long)).shape
    torch.Size([5, 2])
    """

    positions: Tensor

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.embedding = nn.Embedding(plan.tokens, plan.embedding, padding_idx=0)
        places = _waves(plan.input_shape[0], plan.embedding)
        self.register_buffer("positions", places / math.sqrt(plan.embedding), persistent=False)
        self._blocks = [f"block{number}" for number in range(1, len(plan.layers) + 1)]
        for name, units in zip(self._blocks, plan.layers, strict=True):
            self.add_module(name, Block(plan, units))
        self.norm = nn.LayerNorm(plan.embedding)
        self.output = nn.Linear(plan.embedding, plan.outputs)

    def forward(self, tokens: Int64[Tensor, "examples places"]) -> Float[Tensor, "examples outputs"]:
        """Outputs of rows of token numbers, 0 being padding."""
        words = tokens != 0
        x = self.embedding(tokens) + self.positions[: tokens.shape[1]]
        for name in self._blocks:
            x = self.get_submodule(name)(x, words)
        counted = words.unsqueeze(2).to(x.dtype)
        mean = (self.norm(x) * counted).sum(1) / counted.sum(1).clamp(min=1)
        outputs: Tensor = self.output(mean)
        return outputs


def _waves(places: int, width: int) -> Float[Tensor, "places width"]:
    """Sines and cosines of the place: a shift by so many places is a rotation, the same everywhere."""
    speeds = 10_000.0 ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(places)[:, None] * speeds
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[:, :width]


def make(plan: Plan) -> Transformer:
    """Build it.

    Raises:
        OptionError: there are no blocks, or the heads do not share the embedding evenly.

    """
    if not plan.layers or plan.embedding % plan.heads:
        raise OptionError(
            "--network transformer needs --layers, the hidden units of each block, and an --embedding that "
            f"--heads share evenly; got layers {plan.layers}, {plan.embedding} numbers a word and "
            f"{plan.heads} heads"
        )
    return Transformer(plan)
