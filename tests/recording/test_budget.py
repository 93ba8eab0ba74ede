"""The cost budget: strides follow from measured times."""

from __future__ import annotations

import pytest

from weightdesk.recording import budget as module
from weightdesk.recording.budget import CostBudget


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    monkeypatch.setattr(module.time, "perf_counter", fake)
    return fake


def run_step(budget: CostBudget, clock: Clock, training: float, **costs: float) -> None:
    clock.now += training
    for activity, seconds in costs.items():
        clock.now += seconds
        if activity == "other":
            budget.other += seconds
        else:
            budget.charge(activity, seconds)
    budget.steps += 1
    if costs.keys() != {"other"} or budget.steps % 16 == 0:
        budget.settle()


@pytest.mark.parametrize(("statistics", "stride"), [(0.0009, 1), (0.0011, 2), (0.0021, 4), (0.1, 128)])
def test_statistics_get_half_of_the_share(statistics: float, stride: int, clock: Clock) -> None:
    budget = CostBudget(0.02)
    for _ in range(3):
        run_step(budget, clock, 0.1, statistics=statistics)
    assert budget.stride("statistics") == stride


def test_what_every_step_costs_leaves_less_for_statistics(clock: Clock) -> None:
    budget = CostBudget(0.02, head_start=0.0)
    for _ in range(3):
        run_step(budget, clock, 0.1, other=0.0008, statistics=0.0009)
    assert budget.stride("statistics") == 8
    assert budget.stride("snapshot") == 1


def test_the_writing_thread_is_charged_for(clock: Clock) -> None:
    budget = CostBudget(0.02)
    for _ in range(200):
        budget.charge("other", 0.0009)
        run_step(budget, clock, 0.1, statistics=0.0005)
    assert budget.stride("statistics") == 8


def test_without_a_limit_everything_is_affordable(clock: Clock) -> None:
    budget = CostBudget(None)
    run_step(budget, clock, 0.001, statistics=5.0, snapshot=5.0)
    run_step(budget, clock, 0.001, statistics=5.0, snapshot=5.0)
    assert budget.stride("statistics") == budget.stride("snapshot") == 1


def test_a_budget_of_nothing_ends_in_a_long_stride(clock: Clock) -> None:
    budget = CostBudget(0.0)
    for _ in range(2):
        run_step(budget, clock, 0.1, statistics=0.001)
    assert budget.stride("statistics") == 1 << 20


def test_the_cost_is_the_share_of_the_training_time(clock: Clock) -> None:
    budget = CostBudget(0.02)
    assert budget.cost == 0.0
    for _ in range(101):
        run_step(budget, clock, 0.1, other=0.001)
    assert budget.cost == pytest.approx(0.01, rel=0.02)


def test_writing_a_snapshot_counts_with_taking_it(clock: Clock) -> None:
    budget = CostBudget(0.02)
    for _ in range(3):
        run_step(budget, clock, 0.1, snapshot=0.0009)
    assert budget.stride("snapshot") == 1
    budget.charge("writing", 0.003)
    run_step(budget, clock, 0.1)
    assert budget.stride("snapshot") == 4


def test_plain_steps_are_settled_together(clock: Clock) -> None:
    budget = CostBudget(0.02)
    for _ in range(160):
        run_step(budget, clock, 0.1, other=0.0005)
    run_step(budget, clock, 0.1, statistics=0.0011, other=0.0005)
    assert budget.cost == pytest.approx(0.005, rel=0.1)
    assert budget.stride("statistics") == 4


def test_a_short_training_is_looked_at_often_whatever_its_share(clock: Clock) -> None:
    budget = CostBudget(0.02, head_start=0.1)
    for _ in range(5):
        run_step(budget, clock, 0.001, statistics=0.01)
    assert budget.stride("statistics") == 4
    for _ in range(8):
        run_step(budget, clock, 0.001, statistics=0.01)
    assert budget.stride("statistics") > 512
