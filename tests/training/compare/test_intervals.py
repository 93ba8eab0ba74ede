"""Intervals and tests against SciPy's own, and how often they are wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from weightdesk.training.compare.intervals import holm, interval, paired

NUMBERS = st.lists(st.integers(-100, 100).map(lambda each: each / 8), min_size=3, max_size=8)


@given(NUMBERS)
def test_the_interval_is_students(values: list[float]) -> None:
    found = interval(values)
    sem = float(stats.sem(values))
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), sem) if sem else (found.mean,) * 2
    assert (found.low, found.high) == pytest.approx((low, high))


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=3, max_size=8))
def test_paired_tests_are_scipys(pairs: list[tuple[int, int]]) -> None:
    first, second = ([float(each) for each in values] for values in zip(*pairs, strict=True))
    found = paired(first, second)
    differences = np.subtract(first, second)
    if differences.std() > 0:
        assert found.p_t == pytest.approx(stats.ttest_rel(first, second).pvalue)
    flipped = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", alternative="two-sided", n_resamples=math.inf
    )
    assert found.p_flips == pytest.approx(float(flipped.pvalue))


def test_equal_trainings_are_told_apart_1_time_in_20() -> None:
    random = np.random.default_rng(0)
    found = [paired(random.normal(size=6), random.normal(size=6)) for _ in range(1000)]
    assert sum(each.p_t < 0.05 for each in found) / 1000 == pytest.approx(0.05, abs=0.021)
    assert sum(each.p_flips < 0.05 for each in found) / 1000 <= 0.07
    assert sum(each.difference.low <= 0 <= each.difference.high for each in found) >= 920


def test_many_seeds_are_flipped_by_drawing() -> None:
    random = np.random.default_rng(1)
    values = random.normal(0.3, 1, 20)
    found, again = (paired(values, [0.0] * 20) for _ in range(2))
    assert found == again
    assert found.p_flips == pytest.approx(found.p_t, abs=0.03)


def test_one_seed_proves_nothing() -> None:
    assert math.isnan(paired([1.0], [0.0]).p_t)
    assert interval([]).count == 0
    assert math.isnan(interval([1.0, math.nan]).low)


def test_differences_without_spread_are_judged_by_flips() -> None:
    assert paired([0.1] * 4, [0.0] * 4).p_t == 0.125
    assert paired([0.1] * 4, [0.1] * 4).p_t == 1.0


def test_several_contests_count() -> None:
    adjusted = holm([0.04, math.nan, 0.01, 0.9])
    assert adjusted[0] == pytest.approx(0.08)
    assert math.isnan(adjusted[1])
    assert adjusted[2:] == [0.03, 0.9]
