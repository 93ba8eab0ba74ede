"""Bounds hold as often as they say, also for skewed losses and rare events."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from weightdesk.desk.outcomes.interval import change_interval, mean_interval, share_interval, t_quantile

COUNT, DRAWS = 1000, 400


def population(kind: str) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    normal = torch.randn(COUNT, generator=generator, dtype=torch.float64)
    if kind == "losses":  # cross entropy of a good classifier: most are nearly 0, few make the sum
        return torch.nn.functional.softplus(-(normal * 3 + 5))
    if kind == "few of either sign":
        return population("few") * normal.sign()
    if kind == "few":  # 3 in 100 examples change at all
        moved = torch.zeros(COUNT, dtype=torch.float64)
        moved[torch.randperm(COUNT, generator=generator)[:30]] = normal[:30].exp()
        return moved
    return {"normal": normal, "lognormal": normal.exp()}[kind]


@pytest.mark.parametrize("seen", [64, 256, 700])
@pytest.mark.parametrize("kind", ["normal", "lognormal", "losses", "few", "few of either sign"])
def test_the_mean_lies_within_its_bounds_95_times_in_100(kind: str, seen: int) -> None:
    every, ones = population(kind), torch.ones(seen, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seen)
    found = [
        mean_interval(every[torch.randperm(COUNT, generator=generator)[:seen]], ones, COUNT)
        for _ in range(DRAWS)
    ]
    known = [each for each in found if each is not None]
    held = sum(low <= every.mean() <= high for low, high in known)
    assert len(known) > DRAWS / 2
    # Nominal 95 %; 400 draws have a standard error of 1.1 points. Skewed and sparse amounts get more room.
    assert held / len(known) >= 0.92
    if kind == "normal":
        assert held / len(known) <= 0.98


def test_without_the_correction_for_skewness_the_bounds_would_not_hold() -> None:
    every, seen = population("losses"), 64
    generator = torch.Generator().manual_seed(1)
    held = 0
    for _ in range(DRAWS):
        drawn = every[torch.randperm(COUNT, generator=generator)[:seen]]
        reach = stats.t.ppf(0.975, seen - 1) * drawn.std().item() * math.sqrt((1 - seen / COUNT) / seen)
        held += abs(drawn.mean().item() - every.mean().item()) <= reach
    assert held / DRAWS < 0.9


@pytest.mark.parametrize("seen", [64, 256, 900])
@pytest.mark.parametrize("right", [3, 50, 600, 998])
def test_a_share_lies_within_its_bounds(right: int, seen: int) -> None:
    every, ones = torch.zeros(COUNT, dtype=torch.float64), torch.ones(seen, dtype=torch.float64)
    every[:right] = 1
    generator = torch.Generator().manual_seed(seen)
    held = 0
    for _ in range(DRAWS):
        low, high = share_interval(every[torch.randperm(COUNT, generator=generator)[:seen]], ones, COUNT)
        held += low - 1e-12 <= right / COUNT <= high + 1e-12
    assert held / DRAWS >= 0.92


@pytest.mark.parametrize("seen", [64, 512, 900])
@pytest.mark.parametrize(("gained", "lost"), [(0, 2), (1, 1), (3, 12), (40, 90)])
def test_the_change_of_a_share_lies_within_its_bounds(gained: int, lost: int, seen: int) -> None:
    now, ones = torch.zeros(COUNT, dtype=torch.float64), torch.ones(seen, dtype=torch.float64)
    before = now.clone()
    now[:gained], before[gained : gained + lost] = 1, 1
    generator = torch.Generator().manual_seed(seen)
    held = 0
    for _ in range(DRAWS):
        drawn = torch.randperm(COUNT, generator=generator)[:seen]
        low, high = change_interval(now[drawn], before[drawn], ones, COUNT)
        held += low - 1e-12 <= (gained - lost) / COUNT <= high + 1e-12
    assert held / DRAWS >= 0.92


def test_shares_of_tokens_count_their_examples_as_draws() -> None:
    """Tokens of one example all right or all wrong: 20 examples of 50 tokens are 20 draws, not 1,000."""
    hits = torch.tensor([50.0, 0.0] * 10, dtype=torch.float64)
    weights = torch.full_like(hits, 50)
    low, high = share_interval(hits, weights, 10**6)
    alone = share_interval(hits / 50, weights / 50, 10**6)
    assert high - low > 0.35
    assert (low, high) == pytest.approx(alone, abs=1e-4)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40))
def test_all_examples_seen_leave_no_doubt(values: list[float]) -> None:
    amounts = torch.tensor(values, dtype=torch.float64)
    found = mean_interval(amounts, torch.ones_like(amounts), len(values))
    assert found == (amounts.mean().item(), amounts.mean().item())


def test_what_cannot_be_known_is_none() -> None:
    ones = torch.ones(5, dtype=torch.float64)
    assert mean_interval(ones, ones, 100) is None
    assert mean_interval(ones[:1], ones[:1], 100) is None
    assert mean_interval(torch.tensor([1.0, math.inf]), ones[:2], 100) is None
    assert mean_interval(torch.tensor([1.0, math.nan]), ones[:2], 100) is None


def test_a_ratio_has_the_spread_of_its_linear_part() -> None:
    """Amounts in proportion to the weights have no spread at all."""
    weights = torch.tensor([1.0, 5.0, 2.0, 9.0], dtype=torch.float64)
    found = mean_interval(weights * 3 + torch.tensor([0, 1e-9, 0, -1e-9]), weights, 100)
    assert found == pytest.approx((3, 3), abs=1e-6)


@pytest.mark.parametrize("freedom", [3, 5, 20, 500])
def test_quantiles_are_those_of_student(freedom: int) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=2e-3)
