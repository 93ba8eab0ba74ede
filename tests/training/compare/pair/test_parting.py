"""Where curves part, against curves whose answer is planted."""

from __future__ import annotations

import numpy as np
import pytest

from weightdesk.training.compare.pair.parting import parting


def curve(values: np.ndarray) -> dict[int, float]:
    return dict(enumerate(values.tolist()))


@pytest.mark.parametrize("seed", range(5))
def test_the_planted_step_is_found(seed: int) -> None:
    random = np.random.default_rng(seed)
    course = np.exp(-np.arange(400) / 100)
    first = course + random.normal(0, 0.1, 400)
    second = course + random.normal(0, 0.1, 400) + 0.3 * (np.arange(400) >= 250)
    found = parting(curve(first), curve(second))
    assert found is not None
    assert found.unlike == 0
    assert found.step is not None
    assert abs(found.step - 250) <= found.window
    assert found.final == pytest.approx(0.3, abs=0.1)
    assert found.noise == pytest.approx(0.1 * 2**0.5, rel=0.3)


def test_noise_alone_parts_less_often_than_1_time_in_100() -> None:
    random = np.random.default_rng(7)
    found = [parting(*(curve(random.normal(size=200)) for _ in range(2))) for _ in range(400)]
    assert sum(each is not None and each.step is not None for each in found) < 4


def test_noise_that_both_share_hides_nothing() -> None:
    noise = np.random.default_rng(0).normal(size=100)
    found = parting(curve(noise), curve(noise + 0.01 * (np.arange(100) >= 60)))
    assert found is not None
    assert found.unlike == 60
    assert found.step is not None
    assert abs(found.step - 60) <= found.window


def test_equal_curves_never_part_and_short_ones_are_not_compared() -> None:
    same = curve(np.arange(30.0))
    found = parting(same, same)
    assert found is not None
    assert (found.unlike, found.step) == (None, None)
    assert parting(curve(np.arange(5.0)), same) is None


def test_a_curve_that_is_lost_has_parted() -> None:
    values = np.ones(60)
    values[30:] = np.nan
    found = parting(curve(np.ones(60)), curve(values))
    assert found is not None
    assert found.step is not None
    assert 20 <= found.step <= 30
