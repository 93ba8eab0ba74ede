from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from weightdesk.training.activations import ACTIVATIONS
from weightdesk.training.initialisers import INITIALISERS, SPREADING, initialise
from weightdesk.training.randomness import seeded

FAN_IN, FAN_OUT = 400, 300

VARIANCE = {
    "zeros": 0.0,
    "constant": 0.0,
    "normal": 0.01,
    "uniform": 0.01,
    "xavier_uniform": 2 / (FAN_IN + FAN_OUT),
    "xavier_normal": 2 / (FAN_IN + FAN_OUT),
    "he_uniform": 2 / FAN_IN,
    "he_normal": 2 / FAN_IN,
    "lecun_normal": 1 / FAN_IN,
    "orthogonal": 1 / FAN_IN,
    "default": 1 / (3 * FAN_IN),
}


def made(name: str, activation: str = "relu", seed: int = 0) -> nn.Linear:
    with seeded(seed):
        layer = nn.Linear(FAN_IN, FAN_OUT)
        initialise(layer, name, activation)
    return layer


def test_the_table_is_complete():
    assert set(VARIANCE) == set(INITIALISERS)


@pytest.mark.parametrize("name", INITIALISERS)
def test_weights_have_the_variance_of_their_paper(name):
    weight = made(name).weight.detach().double()
    # 120,000 weights: the sample variance of a normal is within 4 * sqrt(2 / n) = 1.6 % of the true one
    assert float(weight.var(correction=0)) == pytest.approx(VARIANCE[name], rel=0.017, abs=1e-15)


@pytest.mark.parametrize("name", ["normal", "uniform", "he_normal"])
def test_the_spread_can_be_chosen_where_it_depends_on_nothing(name: str) -> None:
    with seeded(0):
        layer = nn.Linear(FAN_IN, FAN_OUT)
        initialise(layer, name, "relu", 1.0)
    expected = 1.0 if name in SPREADING else VARIANCE[name]
    assert float(layer.weight.detach().double().var(correction=0)) == pytest.approx(expected, rel=0.017)


@pytest.mark.parametrize("name", sorted(set(INITIALISERS) - {"constant"}))
def test_weights_have_mean_zero(name):
    weight = made(name).weight.detach().double()
    assert abs(float(weight.mean())) <= 4 * math.sqrt(VARIANCE[name] / weight.numel()) + 1e-15


@pytest.mark.parametrize("name", ["he_normal", "he_uniform"])
def test_he_knows_the_slope_of_a_leaky_relu(name):
    plain, leaky = made(name).weight, made(name, "leaky_relu").weight
    torch.testing.assert_close(leaky, plain / math.sqrt(1 + 0.01**2))


def test_orthogonal_rows_are_orthogonal():
    weight = made("orthogonal").weight.detach()
    torch.testing.assert_close(weight @ weight.T, torch.eye(FAN_OUT), atol=1e-5, rtol=0)


def test_convolutions_count_their_window_into_the_fan_in():
    with seeded(0):
        layer = nn.Conv2d(50, 80, 3)
        initialise(layer, "he_normal", "relu")
    assert float(layer.weight.detach().var()) == pytest.approx(2 / (50 * 9), rel=0.03)


@pytest.mark.parametrize("name", sorted(set(INITIALISERS) - {"default"}))
def test_biases_start_at_zero(name):
    assert not made(name).bias.any()


@pytest.mark.parametrize("name", INITIALISERS)
def test_the_same_seed_gives_the_same_bits(name):
    assert torch.equal(made(name, seed=5).weight, made(name, seed=5).weight)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_are_torchs_own(activation):
    module = ACTIVATIONS[activation]()
    expected = {"leaky_relu": "LeakyReLU", "relu": "ReLU", "gelu": "GELU"}.get(activation, activation.title())
    assert type(module).__name__ == expected
    assert module(torch.tensor(1e-9)).shape == ()


@pytest.mark.parametrize(("init", "moves"), [("zeros", False), ("constant", True)])
def test_hidden_units_that_start_alike_stay_alike(follow, init, moves):
    prepared, _ = follow("xor", init=init, layers="8", steps=50, optimizer="sgd")
    hidden = prepared.model.hidden1.weight.detach()
    assert torch.equal(hidden, hidden[:1].expand_as(hidden))
    assert torch.equal(prepared.model.hidden1.bias, prepared.model.hidden1.bias[:1].expand(8))
    start = 0.0 if init == "zeros" else 0.1
    assert bool((hidden != start).any()) is moves


@pytest.mark.parametrize("name", INITIALISERS)
def test_gains_stay_one_and_padding_stays_nothing(name):
    with seeded(0):
        model = nn.Sequential(nn.Embedding(5, 4, padding_idx=0), nn.LayerNorm(4), nn.Linear(4, 2))
        initialise(model, name, "relu")
    assert model[1].weight.tolist() == [1.0] * 4
    assert not model[1].bias.any()
    assert not model[0].weight[0].any()
    assert name == "zeros" or model[0].weight[1:].all()
