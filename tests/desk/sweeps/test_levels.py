"""Sweeps whose numbers are estimates: how often the stated errors hold."""

from __future__ import annotations

import math
from functools import cache

import pytest
import torch
from desk.sweeps.swept import looped
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.desk import Desk
from weightdesk.desk.sweeps import Sweep

_COUNT = 1_500


def trained(seed: int, activation: type[nn.Module]) -> tuple[nn.Module, Tensor, Tensor]:
    """A network that has learned something of noisy classes."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(8, 24), activation(), nn.Linear(24, 24), activation(), nn.Linear(24, 4))
    inputs = torch.randn(_COUNT, 8) * (1 + 2 * torch.rand(8))
    targets = (3 * model(inputs) + torch.randn(_COUNT, 4)).argmax(1)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(30):
        optimizer.zero_grad()
        functional.cross_entropy(model(inputs[:200]), targets[:200]).backward()
        optimizer.step()
    return model, inputs, targets


@cache
def cases() -> list[tuple[Sweep, Tensor, float]]:
    """Sweeps with the exact losses and slopes."""
    found = []
    for seed in range(8):
        model, inputs, targets = trained(seed, (nn.ReLU, nn.Tanh, nn.GELU)[seed % 3])
        desk = Desk(model, inputs, targets, functional.cross_entropy)
        for place, (name, index) in enumerate(
            (("0.weight", (2, 1)), ("2.weight", (3, 4)), ("4.weight", (1, 5)))
        ):
            reach = (0.5, 2.0, 8.0)[(place + seed) % 3]
            sweep = desk.sweep(name, index, torch.linspace(-reach, reach, 41))
            exact = looped(model, inputs, targets, name, index, sweep.values.tolist())
            model.zero_grad()
            functional.cross_entropy(model(inputs), targets).backward()
            found.append((sweep, exact, float(model.get_parameter(name).grad[index])))
    return found


def test_the_error_holds_95_of_100_times() -> None:
    held = [
        ((sweep.losses - exact).abs() <= sweep.error + 1e-6)[~sweep.exact].double().mean()
        for sweep, exact, _ in cases()
    ]
    assert all(not sweep.exact.all() for sweep, _, _ in cases())
    assert float(torch.stack(held).mean()) >= 0.93


def test_exact_points_are_exact() -> None:
    for sweep, exact, _ in cases():
        assert sweep.exact.any()
        assert torch.allclose(sweep.losses[sweep.exact], exact[sweep.exact], rtol=2e-6)
        assert not sweep.error[sweep.exact].any()
        assert (sweep.error[~sweep.exact] > 0).all()


def test_the_curve_is_near_where_the_error_says_so() -> None:
    off = [
        float((sweep.losses - exact).abs().median() / (exact.max() - exact.min()))
        for sweep, exact, _ in cases()
    ]
    said = [float(sweep.error.median() / (exact.max() - exact.min())) for sweep, exact, _ in cases()]
    assert sorted(off)[len(off) // 2] < 0.02
    assert sorted(said)[len(said) // 2] < 0.2


def test_the_slope_is_autograd_s() -> None:
    """So few examples are run by the chunk that theirs is exact."""
    for sweep, _, slope in cases():
        if sweep.slope_error == 0:
            assert sweep.slope == pytest.approx(slope, rel=1e-3, abs=1e-7)
        else:
            assert abs(sweep.slope - slope) <= 3 * sweep.slope_error


def test_both_ways_are_taken() -> None:
    said = [" ".join(sweep.notes) for sweep, _, _ in cases()]
    assert any("leaving out one" in each for each in said)
    assert any("of 1500 examples" in each for each in said)


def test_a_larger_budget_is_nearer() -> None:
    model, inputs, targets = trained(0, nn.Tanh)
    desk = Desk(model, inputs, targets, functional.cross_entropy)
    values = torch.linspace(-2, 2, 41)
    errors = [float(desk.sweep("2.weight", (3, 4), values, turns=turns).error.max()) for turns in (3, 10)]
    assert errors[1] < errors[0]
    assert not desk.sweep("2.weight", (3, 4), values[:4], turns=9).error.any()


def test_the_same_estimate_comes_again() -> None:
    model, inputs, targets = trained(1, nn.ReLU)
    one, other = (
        Desk(model, inputs, targets, functional.cross_entropy).sweep(
            "0.weight", (0, 0), torch.linspace(-8, 8, 41)
        )
        for _ in range(2)
    )
    assert torch.equal(one.losses, other.losses)
    assert torch.equal(one.error, other.error)
    assert one.slope == other.slope


def test_a_loss_that_overflows_somewhere_is_computed_everywhere() -> None:
    model, inputs, targets = trained(2, nn.ReLU)
    sweep = Desk(model, inputs, targets, functional.cross_entropy).sweep(
        "4.bias", 0, [*torch.linspace(-1, 1, 20).tolist(), 3e38, -3e38], turns=3
    )
    exact = looped(model, inputs, targets, "4.bias", (0,), sweep.values.tolist())
    kept = exact.isfinite()
    assert torch.equal(sweep.losses.isfinite(), kept) or not math.isfinite(float(exact.sum()))
    near = (sweep.losses - exact).abs()[kept] <= sweep.error[kept] + 1e-5 * exact[kept].abs()
    assert near.all()
