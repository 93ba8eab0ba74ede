from __future__ import annotations

import math

import pytest
import torch
from ablated_networks import classes, mlp, normal
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.errors import DataError, OptionError
from weightdesk.explain.importance import Importance, importance
from weightdesk.explain.importance.probe import make_probe
from weightdesk.explain.importance.screening import hessian_diagonal

INPUTS, TARGETS = normal(12, 4), classes(12)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return mlp(4, 5, 3, activation=nn.Tanh).double()


def screened(method: str, model: nn.Module | None = None, **options: object) -> Importance:
    arguments = (model or network(), INPUTS, TARGETS, functional.cross_entropy, "0.weight", method)
    return importance(*arguments, **options)  # type: ignore[arg-type]


def gradients(model: nn.Module) -> Tensor:
    """Of each example's share: (examples, *weight)."""
    losses = functional.cross_entropy(model(INPUTS), TARGETS, reduction="none") / len(INPUTS)
    parameter = model.get_parameter("0.weight")
    return torch.stack([torch.autograd.grad(each, parameter, retain_graph=True)[0] for each in losses])


def test_magnitude_gradient_and_taylor_are_their_formulas() -> None:
    model = network()
    weight, slope = model[0].weight.detach(), gradients(model).sum(0)
    torch.testing.assert_close(screened("magnitude", model).values, weight.abs())
    torch.testing.assert_close(screened("gradient", model).values, slope.abs())
    torch.testing.assert_close(screened("taylor", model).values, -slope * weight)


def test_fisher_squares_each_examples_gradient() -> None:
    model = network()
    expected = model[0].weight.detach() ** 2 / 2 * gradients(model).square().sum(0) * len(INPUTS)
    torch.testing.assert_close(screened("fisher", model).values, expected)


def test_second_order_is_exact_where_the_loss_is_a_parabola_of_each_weight() -> None:
    model = nn.Linear(3, 1, bias=False).double()
    inputs = torch.eye(3, dtype=torch.float64)  # no two weights act together: the Hessian is its diagonal
    arguments = (model, inputs, normal(3, 1), functional.mse_loss, "weight")
    second = importance(*arguments, "taylor", order=2).values
    torch.testing.assert_close(second, importance(*arguments).values)
    assert not torch.allclose(importance(*arguments, "taylor").values, second)


def test_the_hessian_diagonal_approaches_the_exact_one() -> None:
    model = network()
    probe = make_probe(model, INPUTS, TARGETS, functional.cross_entropy, 0)

    def loss(weight: Tensor) -> Tensor:
        outputs = torch.func.functional_call(model, {"0.weight": weight}, (INPUTS,))
        return functional.cross_entropy(outputs, TARGETS)

    weight = model[0].weight.detach()
    exact = torch.autograd.functional.hessian(loss, weight).reshape(20, 20).diagonal().reshape(5, 4)
    with probe.running():
        off = [(hessian_diagonal(probe, "0.weight", count) - exact).abs().max() for count in (8, 2000)]
    assert off[1] < 0.05 * exact.abs().max()
    assert off[1] < off[0]


def test_a_linear_loss_has_no_curvature() -> None:
    probe = make_probe(nn.Linear(4, 1).double(), INPUTS, TARGETS, lambda outputs, _: outputs.mean(), 0)
    with probe.running():
        assert hessian_diagonal(probe, "weight").count_nonzero() == 0


def test_movement_counts_what_moved_away_from_zero() -> None:
    model = nn.Linear(3, 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[2.0, 1.0, -3.0]]))
    start = torch.tensor([[1.0, 2.0, -1.0]])
    found = importance(
        model, torch.ones(2, 3), torch.ones(2, 1), functional.mse_loss, "weight", "movement", start=start
    )
    assert found.values.tolist() == [[1.5, -1.5, 4.0]]


def test_movement_is_what_small_steps_add_up_to() -> None:
    model = network()
    start, score, rate = model[0].weight.detach().clone(), torch.zeros(5, 4, dtype=torch.float64), 1e-3
    for _ in range(300):
        slope = gradients(model).sum(0)
        score -= rate * slope * model[0].weight.detach()
        with torch.no_grad():
            model[0].weight -= rate * slope
    found = screened("movement", model, start=start).values
    torch.testing.assert_close(found, score, rtol=0.01, atol=1e-5)


def test_levels_add_up() -> None:
    single, unit = screened("taylor"), screened("taylor", level="unit")
    torch.testing.assert_close(unit.values, single.values.sum(1))


def test_estimates_are_never_called_exact() -> None:
    for method in ("magnitude", "gradient", "taylor", "fisher"):
        found = screened(method)
        assert not found.exact.any()
        assert math.isnan(found.error)
        assert found.note


def test_mistakes_of_screening() -> None:
    with pytest.raises(OptionError, match="order must be 1 or 2, got 3"):
        screened("taylor", order=3)
    with pytest.raises(OptionError, match="movement needs start="):
        screened("movement")
    with pytest.raises(OptionError, match=r"at the start \(5, 4\), got \(2,\)"):
        screened("movement", start=torch.zeros(2))
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)).double()
    with pytest.raises(DataError, match=r"call model\.eval\(\)"):
        screened("fisher", model)
