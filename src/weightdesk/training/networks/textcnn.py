"""Convolutions of several widths side by side over the words of a text (Kim 2014).

Each filter looks at so many words that follow each other and keeps where it answers most, so a unit
is a detector of phrases, and the output weighs what was found anywhere in the text.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from weightdesk.errors import OptionError
from weightdesk.training.networks.plan import Plan

NARROWEST = 2  # words that the first convolution sees at once


class TextCNN(nn.Module):
    """`embedding`, then `conv2`, `conv3` … each with its activation, the maximum over places, `output`.

    Arguments:
        plan: `layers` are the filters of the convolutions over 2, 3, 4 … words; dropout stands before
            the last layer.

    >>> net = TextCNN(Plan(input_shape=(9,), outputs=2, tokens=50, layers=(8, 4), embedding=6))
    >>> [name for name, _ in net.named_children()]
    ['embedding', 'conv2', 'relu2', 'conv3', 'relu3', 'dropout', 'output']
    >>> net(torch.ones(5, 9, dtype=torch.long)).shape
    torch.Size([5, 2])
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.embedding = nn.Embedding(plan.tokens, plan.embedding, padding_idx=0)
        self._branches: list[tuple[str, str]] = []
        for width, filters in enumerate(plan.layers, start=NARROWEST):
            convolution, activation = f"conv{width}", f"{plan.activation}{width}"
            self.add_module(convolution, nn.Conv1d(plan.embedding, filters, width))
            self.add_module(activation, plan.activate())
            self._branches.append((convolution, activation))
        self.dropout = nn.Dropout(plan.dropout)
        self.output = nn.Linear(sum(plan.layers), plan.outputs)

    def forward(self, tokens: Int64[Tensor, "examples places"]) -> Float[Tensor, "examples outputs"]:
        """Outputs of rows of token numbers, 0 being padding."""
        embedded = self.embedding(tokens).transpose(1, 2)
        found = [
            self.get_submodule(activation)(self.get_submodule(convolution)(embedded)).amax(2)
            for convolution, activation in self._branches
        ]
        outputs: Tensor = self.output(self.dropout(torch.cat(found, 1)))
        return outputs


def make(plan: Plan) -> TextCNN:
    """Build it.

    Raises:
        OptionError: there are no layers, or the texts are shorter than the widest convolution.

    """
    widest = NARROWEST + len(plan.layers) - 1
    if not plan.layers or plan.input_shape[0] < widest:
        raise OptionError(
            f"--network textcnn needs --layers, the filters of convolutions over {NARROWEST}, "
            f"{NARROWEST + 1} … words, and texts of as many words as the widest; got layers {plan.layers} "
            f"and texts of {plan.input_shape[0]} words"
        )
    return TextCNN(plan)
