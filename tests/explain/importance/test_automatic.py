from __future__ import annotations

import math

import pytest
import torch
from ablated_networks import classes, cnn, mlp, normal
from torch import Tensor
from torch.nn import functional

from weightdesk.explain.importance import automatic, importance
from weightdesk.explain.importance.automatic import compute


class Doubling:
    """An engine whose truth is known: number squared."""

    name = "test"

    def __init__(self, blocks: int, size: int) -> None:
        self.blocks = list(torch.split(torch.arange(blocks * size), size))
        self.done: list[int] = []

    def changes(self, block: Tensor) -> Tensor:
        self.done += block.tolist()
        return block.double() ** 2


class Clock:
    """Every look takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1
        return self.now


def test_without_a_limit_everything_is_exact() -> None:
    engine = Doubling(5, 2)
    found = compute(engine, torch.zeros(10, dtype=torch.float64), None)
    assert torch.equal(found.values, torch.arange(10).double() ** 2)
    assert found.exact.all()
    assert math.isnan(found.bound)
    assert sorted(engine.done) == list(range(10))


def test_the_largest_estimates_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automatic, "time", Clock())
    engine = Doubling(100, 1)
    estimates = torch.arange(100).double() ** 2 + 3
    found = compute(engine, estimates, 20.5, seed=1)
    assert int(found.exact.sum()) == 20
    assert found.drawn == 5  # every fourth
    assert {99, 98, 97, 96, 95, 94, 93, 92} <= set(engine.done)
    assert found.bound == 2 * 3
    assert torch.equal(found.values[~found.exact], estimates[~found.exact])


def test_groups_without_weights_are_exactly_zero() -> None:
    engine = Doubling(2, 1)
    found = compute(engine, torch.full((3,), 9.0, dtype=torch.float64), None)
    assert found.values.tolist() == [0, 1, 0]
    assert found.exact.all()


def test_auto_with_time_enough_is_ablation() -> None:
    torch.manual_seed(0)
    model = mlp(4, 5, 3).double()
    arguments = (model, normal(9, 4), classes(9), functional.cross_entropy, "0.weight")
    assert torch.equal(importance(*arguments, "auto").values, importance(*arguments).values)


def test_auto_says_what_it_had_no_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = cnn().double().eval()
    arguments = (model, normal(9, 2, 10, 10), classes(9), functional.cross_entropy, "4.weight")
    truth = importance(*arguments, level="kernel").values
    monkeypatch.setattr(automatic, "time", Clock())
    found = importance(*arguments, "auto", seconds=4.5, level="kernel")
    assert 0 < int(found.exact.sum()) < found.exact.numel()
    torch.testing.assert_close(found.values[found.exact], truth[found.exact], rtol=0, atol=1e-13)
    assert found.bound > 0
    assert "first-order estimates" in found.note
    assert "with 95 % confidence" in found.note


def test_auto_without_any_time_bounds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automatic, "time", Clock())
    found = importance(
        mlp(4, 3), torch.ones(5, 4), classes(5), functional.cross_entropy, "0.weight", "auto", seconds=0.5
    )
    assert not found.exact.any()
    assert math.isnan(found.bound)
    assert found.error == 0
