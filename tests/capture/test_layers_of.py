"""Layers are found in the order in which they run, each with the activation function that follows."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from weightdesk.capture.layers import layers_of
from weightdesk.errors import OptionError


class Branches(nn.Module):
    """The second layer by name runs first; one layer runs twice, one never."""

    def __init__(self) -> None:
        super().__init__()
        self.later, self.earlier, self.never = nn.Linear(3, 3), nn.Linear(2, 3), nn.Linear(2, 2)
        self.squash, self.norm = nn.Tanh(), nn.LayerNorm(3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.squash(self.earlier(x))
        return self.norm(self.later(self.later(hidden)))


def test_layers_come_in_the_order_in_which_they_run() -> None:
    found = layers_of(Branches(), torch.zeros(1, 2))
    assert [(each.name, each.kind, each.units) for each in found] == [
        ("earlier", "Linear", 3),
        ("later", "Linear", 3),
    ]
    first, second = found
    assert first.nonlinearity is not None
    assert (first.nonlinearity.name, first.nonlinearity.module) == ("tanh", "squash")
    assert second.nonlinearity is None


def test_units_lie_on_the_axis_of_the_kind() -> None:
    class Text(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.filters = nn.Embedding(9, 4), nn.Conv1d(4, 6, 3)

        def forward(self, tokens: Tensor) -> Tensor:
            return torch.relu(self.filters(self.words(tokens).transpose(1, 2)))

    words, filters = layers_of(Text(), torch.zeros(1, 7).long())
    assert (words.units, words.unit_axis, words.nonlinearity) == (4, -1, None)
    assert filters.nonlinearity is not None
    assert (filters.nonlinearity.name, filters.nonlinearity.module) == ("relu", None)
    assert (filters.units, filters.unit_axis) == (6, 1)


def test_a_derived_class_counts_as_the_one_that_it_derives_from() -> None:
    class Own(nn.Conv2d):
        pass

    assert layers_of(nn.Sequential(Own(1, 2, 3)), torch.zeros(1, 1, 4, 5))[0].kind == "Conv2d"


def test_transformer_layers_are_seen_module_by_module_and_nothing_is_left_behind() -> None:
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    names = [each.name for each in layers_of(model, torch.zeros(1, 3, 8))]
    assert {"linear1", "linear2"} <= set(names)
    assert torch.backends.mha.get_fastpath_enabled()
    assert not any(module._forward_hooks for module in model.modules())


def test_a_network_without_layers_is_an_error() -> None:
    with pytest.raises(OptionError, match="ReLU runs no layer of Conv1d"):
        layers_of(nn.ReLU(), torch.zeros(1, 2))
