from __future__ import annotations

import pytest
import torch
from ablated_networks import ablated, classes, mlp, normal
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from weightdesk.explain.importance import importance, tabulation
from weightdesk.explain.importance.tabulation import chebyshev_coefficients


@pytest.fixture(autouse=True)
def _small_problems_are_tabulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tabulation, "_FEW_RUNS", 0)


@given(st.integers(2, 33), st.integers(0, 99))
def test_series_go_through_their_points(points: int, seed: int) -> None:
    places = torch.cos(torch.arange(points, dtype=torch.float64) * torch.pi / (points - 1))
    values = normal(points, seed=seed)
    coefficients = chebyshev_coefficients(points) @ values
    found = sum(c * torch.cos(k * places.arccos()) for k, c in enumerate(coefficients))
    torch.testing.assert_close(found, values, rtol=0, atol=1e-12)


def test_polynomials_are_their_own_series() -> None:
    places = torch.cos(torch.arange(9, dtype=torch.float64) * torch.pi / 8)
    cubic = chebyshev_coefficients(9) @ (4 * places**3 - 3 * places)
    expected = torch.zeros(9, dtype=torch.float64)
    expected[3] = 1
    torch.testing.assert_close(cubic, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.GELU, nn.LeakyReLU])
@pytest.mark.parametrize("name", ["0.weight", "2.weight", "4.weight"])
def test_within_the_stated_error_of_the_loop(activation: type[nn.Module], name: str) -> None:
    torch.manual_seed(0)
    model = mlp(40, 30, 20, 5, activation=activation).double()
    inputs, targets = normal(300, 40).relu(), classes(300, 5)
    result = importance(model, inputs, targets, functional.cross_entropy, name, tolerance=1e-5)
    off = (result.values - ablated(model, inputs, targets, name)).abs().max()
    assert "tabulation" in result.engine
    assert off <= 1e-5
    assert result.error <= 1e-5
    assert result.exact.all()


def test_the_last_hidden_layer_is_read_off_to_the_last_digits() -> None:
    torch.manual_seed(0)
    model = mlp(20, 24, 6).double()  # downstream of the unit everything is smooth
    inputs, targets = normal(200, 20), classes(200, 6)
    result = importance(model, inputs, targets, functional.cross_entropy, "0.weight", tolerance=1e-12)
    torch.testing.assert_close(result.values, ablated(model, inputs, targets, "0.weight"), rtol=0, atol=1e-12)


def test_tables_that_do_not_settle_are_replaced_by_runs() -> None:
    torch.manual_seed(0)
    model = mlp(12, 30, 30, 4).double()
    inputs, targets = normal(10, 12), classes(10, 4)
    result = importance(model, inputs, targets, functional.cross_entropy, "0.weight", tolerance=1e-14)
    assert "each weight for" in result.engine
    torch.testing.assert_close(result.values, ablated(model, inputs, targets, "0.weight"), rtol=0, atol=1e-13)


def test_a_dead_unit_and_a_zero_weight_matter_nothing() -> None:
    torch.manual_seed(0)
    model = mlp(20, 8, 3).double()
    with torch.no_grad():
        model[0].bias[3] = -1e6
        model[0].weight[1, 2] = 0
    values = importance(model, normal(50, 20), classes(50), functional.cross_entropy, "0.weight").values
    assert values[3].count_nonzero() == 0
    assert values[1, 2] == 0


def test_a_feature_that_is_always_zero_matters_nothing() -> None:
    torch.manual_seed(0)
    inputs = normal(50, 20)
    inputs[:, 7] = 0
    model = mlp(20, 8, 3).double()
    values = importance(model, inputs, classes(50), functional.cross_entropy, "0.weight").values
    assert values[:, 7].count_nonzero() == 0
    assert values.count_nonzero(dim=0).bool().sum() == 19


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_bits_whatever_the_threads(threads: int) -> None:
    torch.manual_seed(0)
    model = mlp(20, 8, 3)
    arguments = (model, normal(50, 20).float(), classes(50), functional.cross_entropy, "0.weight")
    once = importance(*arguments).values
    try:
        torch.set_num_threads(threads)
        again = importance(*arguments).values
    finally:
        torch.set_num_threads(1)
    assert torch.equal(once, again)


def test_a_sum_counts_every_example_in_full() -> None:
    torch.manual_seed(0)
    model = mlp(20, 8, 3).double()
    inputs, targets = normal(50, 20), normal(50, 3)

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return functional.mse_loss(outputs, targets, reduction="sum")

    values = importance(model, inputs, targets, loss, "0.weight").values
    torch.testing.assert_close(
        values, ablated(model, inputs, targets, "0.weight", loss), rtol=1e-6, atol=1e-6
    )
