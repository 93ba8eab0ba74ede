"""Intervals and resamples against their definitions."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest  # type: ignore[import-untyped]

from weightdesk.capture.story.resampling import accuracy, bootstrap, halves, permutations, share, spread


@given(st.integers(1, 50), st.data())
def test_the_interval_of_a_share_is_wilsons(of: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, of))
    expected = binomtest(hits, of).proportion_ci(method="wilson")
    found = share(hits, of)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(st.integers(2, 40), st.integers(1, 5), st.integers(0, 99))
def test_resamples_are_of_the_right_size_and_seeded(examples: int, count: int, seed: int) -> None:
    drawn, half = bootstrap(examples, count, seed), halves(examples, count, seed)
    assert drawn.sum(1).tolist() == [examples] * count
    assert half.sum(1).tolist() == [examples // 2] * count
    orders = permutations(examples, count, seed)
    assert all(sorted(each.tolist()) == list(range(examples)) for each in orders)
    assert torch.equal(drawn, bootstrap(examples, count, seed))
    assert torch.equal(half, halves(examples, count, seed))
    assert torch.equal(torch.stack(orders), torch.stack(permutations(examples, count, seed)))


def test_every_example_is_in_half_of_the_halves() -> None:
    assert halves(20, 4000, 0).double().mean(0).tolist() == pytest.approx([0.5] * 20, abs=0.04)


def test_resampled_scores_are_moved_to_the_score() -> None:
    found = spread(10.0, torch.linspace(0, 1, 1001))
    assert (found.low, found.value, found.high) == pytest.approx((9.525, 10, 10.475))


def test_halves_scatter_as_the_score_does() -> None:
    """The mean of n numbers has variance 1/n; that of a half, given all n, has it, too."""
    values = torch.randn(200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    means = torch.stack([values[each].mean() for each in halves(200, 2000, 0)])
    assert means.var().item() == pytest.approx(values.var().item() / 200, rel=0.15)


def test_an_interval_holds_its_share() -> None:
    for of in range(1, 200):
        assert share(0, of).low == 0
        assert share(of, of).high == 1
        assert all(share(hits, of).low <= hits / of <= share(hits, of).high for hits in range(of + 1))


def test_a_share_of_nothing_is_not_a_number() -> None:
    assert all(math.isnan(each) for each in (share(0, 0).value, share(0, 0).low, share(0, 0).high))
    assert math.isnan(accuracy(torch.full((3,), torch.nan).double()).value)
