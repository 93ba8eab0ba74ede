from __future__ import annotations

import pytest
import torch
from torch import nn

from weightdesk.errors import OptionError
from weightdesk.training.networks import build


def names(model: nn.Module) -> list[str]:
    return [name for name, _ in model.named_children()]


def test_an_mlp_flattens_pictures_and_drops_out_after_each_hidden_layer():
    model = build("mlp", (1, 8, 8), 10, layers=(16, 8), activation="gelu", dropout=0.5)
    assert names(model) == [
        "flatten", "hidden1", "gelu1", "dropout1", "hidden2", "gelu2", "dropout2", "output",
    ]  # fmt: skip
    assert model(torch.zeros(3, 1, 8, 8)).shape == (3, 10)


@pytest.mark.parametrize("side", [2, 8, 28, 32, 65])
@pytest.mark.parametrize("layers", [(4,), (4, 8), (4, 8, 8)])
def test_a_cnn_takes_pictures_of_any_size(side, layers):
    model = build("cnn", (3, side, side + 1), 5, layers=layers)
    assert model(torch.zeros(2, 3, side, side + 1)).shape == (2, 5)


def test_large_pictures_are_halved_after_each_convolution_and_small_ones_once():
    assert [name for name in names(build("cnn", (1, 8, 8), 2, layers=(4, 4))) if "pool" in name] == ["pool2"]
    large = names(build("cnn", (1, 28, 28), 2, layers=(4, 4), dropout=0.1))
    assert [name for name in large if "pool" in name] == ["pool1", "pool2"]
    assert large[-2:] == ["dropout", "output"]


def test_a_neuron_has_one_weight_an_input():
    model = build("neuron", (3,), 1)
    assert [tuple(each.shape) for each in model.parameters()] == [(1, 3), (1,)]


@pytest.mark.parametrize(
    ("network", "shape", "layers", "words"),
    [
        ("cnn", (30,), (8,), "needs --layers and pictures"),
        ("cnn", (1, 8, 8), (), "needs --layers and pictures"),
        ("cnn", (1, 1, 8), (8,), "2 pixels a side"),
        ("neuron", (3,), (8,), "no hidden layer, got --layers"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(network, shape, layers, words):
    with pytest.raises(OptionError, match=words):
        build(network, shape, 2, layers=layers)
