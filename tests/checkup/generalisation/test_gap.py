"""The gap is held-out less training loss, with an interval that covers it and a trend."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.checkup.generalisation.gap import measure_gap
from weightdesk.checkup.record import Curve


def curves(gap: float, slope: float, scatter: float, seed: int, unit: float = 1.0) -> tuple[Curve, Curve]:
    generator = np.random.default_rng(seed)
    steps = np.arange(1000)
    training = np.exp(-steps / 300) + scatter * generator.standard_normal(1000)
    at = steps[::50]
    held_out = np.exp(-at / 300) + gap + slope * at + scatter / 10 * generator.standard_normal(len(at))
    return Curve(steps, unit * training), Curve(at, unit * held_out)


@given(st.integers(0, 1000))
def test_a_planted_gap_and_trend_lie_in_their_intervals(seed: int) -> None:
    found = measure_gap(*curves(0.3, 2e-4, 0.02, seed))
    at = found.steps
    inside = np.abs(found.values - 0.3 - 2e-4 * at) <= found.error + 0.02
    assert inside[1:].mean() > 0.8
    assert found.slope == pytest.approx(2e-4, rel=0.2)
    assert found.slope_low <= found.slope <= found.slope_high


@given(st.floats(1e-3, 1e3))
def test_another_unit_of_the_loss_scales_the_gap(unit: float) -> None:
    one, other = measure_gap(*curves(0.3, 0.0, 0.02, 0)), measure_gap(*curves(0.3, 0.0, 0.02, 0, unit))
    np.testing.assert_allclose(other.values, unit * one.values, rtol=1e-9)
    np.testing.assert_allclose(other.error, unit * one.error, rtol=1e-9)


def test_two_evaluations_have_no_trend() -> None:
    found = measure_gap(Curve(np.arange(10), np.ones(10)), Curve(np.array([0, 9]), np.array([1.0, 2.0])))
    assert found.values.tolist() == [0.0, 1.0]
    assert np.isnan(found.slope)
