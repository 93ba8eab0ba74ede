from __future__ import annotations

import pytest
import torch
from torch import nn

from weightdesk.errors import OptionError
from weightdesk.training.networks import NETWORKS, OF_TEXT, Plan, build


def made(network, shape, outputs, **sizes):
    return build(network, Plan(input_shape=shape, outputs=outputs, **sizes))


def names(model: nn.Module) -> list[str]:
    return [name for name, _ in model.named_children()]


def test_an_mlp_flattens_pictures_and_drops_out_after_each_hidden_layer():
    model = made("mlp", (1, 8, 8), 10, layers=(16, 8), activation="gelu", dropout=0.5)
    assert names(model) == [
        "flatten", "hidden1", "gelu1", "dropout1", "hidden2", "gelu2", "dropout2", "output",
    ]  # fmt: skip
    assert model(torch.zeros(3, 1, 8, 8)).shape == (3, 10)


@pytest.mark.parametrize("side", [2, 8, 28, 32, 65])
@pytest.mark.parametrize("layers", [(4,), (4, 8), (4, 8, 8)])
def test_a_cnn_takes_pictures_of_any_size(side, layers):
    model = made("cnn", (3, side, side + 1), 5, layers=layers)
    assert model(torch.zeros(2, 3, side, side + 1)).shape == (2, 5)


def test_large_pictures_are_halved_after_each_convolution_and_small_ones_once():
    assert [name for name in names(made("cnn", (1, 8, 8), 2, layers=(4, 4))) if "pool" in name] == ["pool2"]
    large = names(made("cnn", (1, 28, 28), 2, layers=(4, 4), dropout=0.1))
    assert [name for name in large if "pool" in name] == ["pool1", "pool2"]
    assert large[-2:] == ["dropout", "output"]


def test_a_neuron_has_one_weight_an_input():
    model = made("neuron", (3,), 1)
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
        made(network, shape, 2, layers=layers)


@pytest.mark.parametrize("network", sorted(set(NETWORKS) - set(OF_TEXT)))
def test_texts_are_not_given_to_a_network_of_numbers(network):
    with pytest.raises(OptionError, match=r"takes no texts, .* use --network textcnn or transformer"):
        made(network, (9,), 2, tokens=30)


@pytest.mark.parametrize("network", OF_TEXT)
def test_numbers_are_not_given_to_a_network_of_texts(network):
    with pytest.raises(OptionError, match="takes texts, and the inputs are numbers"):
        made(network, (9,), 2, layers=(8,))


@pytest.mark.parametrize("network", OF_TEXT)
def test_a_network_of_texts_needs_layers(network):
    with pytest.raises(OptionError, match="needs --layers"):
        made(network, (9,), 2, tokens=30)


def test_texts_must_be_as_long_as_the_widest_convolution():
    made("textcnn", (4,), 2, tokens=30, layers=(8, 8, 8))
    with pytest.raises(OptionError, match="texts of 3 words"):
        made("textcnn", (3,), 2, tokens=30, layers=(8, 8, 8))


def test_heads_share_the_embedding_evenly():
    with pytest.raises(OptionError, match="30 numbers a word and 4 heads"):
        made("transformer", (9,), 2, tokens=30, layers=(8,), embedding=30)
