"""Trained networks against the solutions that scikit-learn finds in another way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_iris
from sklearn.linear_model import Lasso, LogisticRegression, Ridge

from weightdesk.training.optimizers import OPTIMIZERS
from weightdesk.training.regularisers import limit_norm, soft_threshold

WHOLE = {"standardise": False, "validation": 0, "test": 0, "batch": 10_000, "network": "neuron"}


@pytest.fixture
def line_file(tmp_path):
    """Ten inputs, correlated, of which four matter."""
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 10)) @ (np.eye(10) + 0.3 * random.normal(size=(10, 10)))
    y = x @ np.array([2, -1, 0, 0, 0.5, 0, 0, 0, 0, 1.5]) + 0.3 + 0.5 * random.normal(size=200)
    np.savez(tmp_path / "line.npz", x=x.astype(np.float32), y=y.astype(np.float32))
    return tmp_path / "line.npz"


def arrays(file):
    with np.load(file) as stored:
        return stored["x"].astype(float), stored["y"].astype(float)


@pytest.mark.parametrize(
    ("optimizer", "lr"),
    [
        ("sgd", 0.05),
        ("momentum", 0.02),
        ("nesterov", 0.02),
        ("adam", 0.01),
        ("adamw", 0.01),
        ("rmsprop", 0.01),
    ],
)
def test_l1_agrees_with_lasso_and_its_zeros_are_exact(follow, line_file, optimizer, lr):
    schedule = "constant" if optimizer in ("sgd", "momentum", "nesterov") else "cosine"
    prepared, _ = follow(
        line_file, l1=0.4, optimizer=optimizer, lr=lr, steps=2500, schedule=schedule, weight_decay=0, **WHOLE
    )
    reference = Lasso(alpha=0.4 / 2, tol=1e-10, max_iter=100_000).fit(*arrays(line_file))
    weights = prepared.model.output.weight.detach()[0]
    np.testing.assert_allclose(weights, reference.coef_, atol=1e-3)
    np.testing.assert_allclose(prepared.model.output.bias.item(), reference.intercept_, atol=1e-3)
    assert (weights == 0).tolist() == (reference.coef_ == 0).tolist()
    assert int((weights == 0).sum()) >= 4


def test_l2_agrees_with_ridge(follow, line_file):
    prepared, recorder = follow(line_file, l2=0.3, optimizer="momentum", lr=0.02, steps=1500, **WHOLE)
    reference = Ridge(alpha=200 * 0.3).fit(*arrays(line_file))
    np.testing.assert_allclose(prepared.model.output.weight.detach()[0], reference.coef_, atol=1e-3)
    np.testing.assert_allclose(prepared.model.output.bias.item(), reference.intercept_, atol=1e-3)
    error = reference.predict(arrays(line_file)[0]) - arrays(line_file)[1]
    assert recorder.series("loss")[-1] == pytest.approx(np.mean(error**2), rel=1e-3)  # without the penalty


def test_l2_agrees_with_logistic_regression(follow, tmp_path):
    x, y = load_iris(return_X_y=True)
    x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)
    np.savez(tmp_path / "iris.npz", x=x, y=y)
    prepared, _ = follow(tmp_path / "iris.npz", l2=0.01, optimizer="momentum", lr=0.1, steps=2500, **WHOLE)
    reference = LogisticRegression(C=1 / (2 * 150 * 0.01), tol=1e-8, max_iter=1000).fit(x.astype(float), y)
    np.testing.assert_allclose(prepared.model.output.weight.detach(), reference.coef_, atol=1e-3)


@given(st.lists(st.floats(-10, 10, width=32), min_size=1), st.floats(0, 5, width=32))
def test_soft_threshold_minimises_what_it_is_the_proximal_operator_of(values, threshold):
    weight = torch.tensor(values, dtype=torch.float64)
    found = soft_threshold(weight, threshold)
    cost = 0.5 * (found - weight).square() + threshold * found.abs()
    for shift in (-1e-3, 1e-3):
        moved = found + shift
        assert (0.5 * (moved - weight).square() + threshold * moved.abs() >= cost - 1e-12).all()
    assert (found[weight.abs() <= threshold] == 0).all()


@given(st.integers(1, 5), st.integers(1, 6), st.floats(0.01, 10))
def test_limit_norm_limits_and_leaves_small_units_alone(units, fan_in, largest):
    weight = torch.linspace(-3, 2, units * fan_in).reshape(units, fan_in)
    limited = limit_norm(weight, largest)
    assert (limited.norm(dim=1) <= largest * (1 + 1e-5)).all()
    small = weight.norm(dim=1) <= largest
    assert torch.equal(limited[small], weight[small])


def test_max_norm_holds_after_every_step(follow):
    prepared, _ = follow("xor", max_norm=0.7, optimizer="sgd", steps=60)
    for name, weight in prepared.model.named_parameters():
        if weight.ndim > 1:
            assert weight.norm(dim=1).max() <= 0.7 * (1 + 1e-5), name
            assert weight.norm(dim=1).max() > 0.69, name  # it was needed


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_weight_decay_is_decoupled(follow, line_file, optimizer):
    """With gradients of zero, weights shrink by exactly lr × decay in each step and biases stay."""
    prepared, _ = follow(line_file, optimizer=optimizer, lr=0.1, weight_decay=0.5, steps=1, **WHOLE)
    layer = prepared.model.output
    prepared.optimizer.state.clear()
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    layer.weight.grad, layer.bias.grad = torch.zeros_like(weight), torch.zeros_like(bias)
    prepared.optimizer.step()
    torch.testing.assert_close(layer.weight.detach(), weight * (1 - 0.1 * 0.5))
    assert torch.equal(layer.bias, bias)


def test_mixdown_recovers_the_known_gains(follow):
    prepared, _ = follow("mixdown")
    gains = list(prepared.dataset.planted.values())
    np.testing.assert_allclose(prepared.model.output.weight.detach()[0], gains, atol=1e-3)


def test_mixdown_with_l1_silences_the_foreign_tracks_exactly(follow):
    prepared, _ = follow("mixdown", l1=0.01)
    weights = prepared.model.output.weight.detach()[0]
    silent = [name for name, gain in zip(prepared.dataset.planted, weights, strict=True) if gain == 0]
    assert silent == ["lead", "strings", "bell"]
    np.testing.assert_allclose(weights, list(prepared.dataset.planted.values()), atol=0.02)


def test_radio_finds_what_least_squares_knows(follow):
    prepared, _ = follow("radio")
    train = prepared.parts["train"]
    design = torch.cat([train.inputs, torch.ones(len(train), 1)], dim=1)
    best = torch.linalg.lstsq(design, train.targets).solution.squeeze(1)
    layer = prepared.model.output
    torch.testing.assert_close(torch.cat([layer.weight[0], layer.bias]).detach(), best, atol=1e-3, rtol=0)
