"""Theory against real layers: wide random ones, whose signal is measured."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from weightdesk.training.activations import ACTIVATIONS
from weightdesk.training.compare.signals import signals
from weightdesk.training.compare.theory import GAINS, Law
from weightdesk.training.initialisers import initialise
from weightdesk.training.objective import Objective
from weightdesk.training.randomness import seeded

WIDTH, DEPTH = 400, 6


def row(init: str, activation: str, std: float = 0.1) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(DEPTH):
        layers += [nn.Linear(WIDTH, WIDTH), ACTIVATIONS[activation]()]
    model = nn.Sequential(*layers, nn.Linear(WIDTH, WIDTH))
    initialise(model, init, activation, std)
    return model


def heard(init: str, activation: str, scale: float = 1.0, std: float = 0.1, seed: int = 3):
    with seeded(seed):
        inputs, targets = scale * torch.randn(200, WIDTH), torch.randint(WIDTH, (200,))
        return signals(row(init, activation, std), Objective("classification"), inputs, targets, activation)


def test_every_activation_has_a_gain() -> None:
    assert set(GAINS) == set(ACTIVATIONS)


@pytest.mark.parametrize("init", ["normal", "uniform", "xavier_uniform", "he_normal", "orthogonal"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_theory_holds_for_relu_whatever_the_weights(init: str, activation: str) -> None:
    seeds = [heard(init, activation, std=0.05, seed=seed) for seed in range(6)]
    for layers in zip(*seeds, strict=True):  # what theory expects is the mean over all weights there could be
        for name in ("forward", "backward"):
            found, expected = (
                sum(getattr(each, key) ** 2 for each in layers) for key in (name, f"{name}_theory")
            )
            assert found == pytest.approx(expected, rel=0.2), (name, layers[0])


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "gelu"])
def test_theory_holds_near_zero_for_the_others(activation: str) -> None:
    for layer in heard("xavier_normal", activation, scale=0.01):
        # the sums of a sigmoid's layer never come near zero: its outputs lie around 1/2
        tolerance = 0.35 if activation == "sigmoid" else 0.15
        assert layer.backward == pytest.approx(layer.backward_theory, rel=tolerance), layer
        assert layer.forward == pytest.approx(layer.forward_theory, rel=tolerance), layer


def test_the_factors_are_those_of_the_papers() -> None:
    assert [each.factor for each in heard("he_normal", "relu")[1:-1]] == pytest.approx([1] * 5, rel=0.05)
    assert [each.factor for each in heard("xavier_normal", "tanh")[1:-1]] == pytest.approx([1] * 5, rel=0.05)
    assert [each.factor for each in heard("xavier_normal", "relu")[1:-1]] == pytest.approx(
        [0.5] * 5, rel=0.05
    )
    assert heard("normal", "tanh", std=1.0)[1].factor == pytest.approx(WIDTH, rel=0.05)


def test_convolutions_count_their_window() -> None:
    law = Law.of(nn.Conv2d(3, 5, 3), "relu")
    assert (law.fan_in, law.fan_out) == (27, 45)


def test_theory_is_silent_about_weights_that_are_all_the_same() -> None:
    (first, *_) = heard("constant", "relu")
    assert math.isnan(first.forward_theory)


def test_the_gradient_is_that_of_finite_differences() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    inputs, targets = torch.randn(6, 5).double(), torch.randint(3, (6,))
    objective, gradients = Objective("classification"), []
    for example in range(6):
        z = model[0](inputs).detach()
        for unit in range(4):
            for sign in (1, -1):
                moved = z.clone()
                moved[example, unit] += sign * 1e-6
                loss = objective.loss(model[2](model[1](moved)), targets)
                gradients.append(float(loss.detach()) * sign / 2e-6 * 6)
    expected = torch.tensor(gradients, dtype=torch.float64).reshape(-1, 2).sum(1).std(correction=0)
    found = signals(model, objective, inputs, targets, "tanh")[0]
    assert found.backward == pytest.approx(float(expected), rel=1e-4)


def test_the_network_stays_as_it_is() -> None:
    model = row("he_normal", "relu").train()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    signals(model, Objective("classification"), torch.randn(4, WIDTH), torch.arange(4), "relu")
    assert model.training
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())
    assert all(each.grad is None for each in model.parameters())
    assert not model[0]._forward_hooks
