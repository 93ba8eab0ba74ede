from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial.chebyshev import chebval

from weightdesk.explain.importance.kernels import reach, read_off


def problem(examples: int = 9, fan_in: int = 7, points: int = 5) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    inputs = draw.standard_normal((examples, fan_in)).astype(np.float32)
    inputs[draw.random(inputs.shape) < 0.3] = 0
    return {
        "inputs": inputs,
        "weights": draw.standard_normal(fan_in),
        "z": draw.standard_normal(examples),
        "series": draw.standard_normal((examples, points)),
    }


@pytest.mark.parametrize("run", [reach, reach.py_func])
def test_reach_is_the_range_of_displacements(run: object) -> None:
    given = problem()
    low, high = np.empty(9), np.empty(9)
    run(given["inputs"], given["weights"], low, high)  # type: ignore[operator]
    displaced = np.hstack([-given["weights"] * given["inputs"], np.zeros((9, 1))])
    np.testing.assert_allclose(low, displaced.min(1))
    np.testing.assert_allclose(high, displaced.max(1))


@pytest.mark.parametrize("run", [read_off, read_off.py_func])
@pytest.mark.parametrize("floor", [0.0, -np.inf])
def test_read_off_is_the_series_at_the_moved_place(run: object, floor: float) -> None:
    given = problem()
    rows = np.array([0, 3, 8])
    z, series = given["z"][rows], given["series"][rows]
    low, high, total = z - 5, np.maximum(z, 0) + 5, np.ones(7)
    run(given["inputs"], given["weights"], rows, z, floor, low, high, series, total)  # type: ignore[operator]
    expected = np.ones(7)
    for x, at, least, most, own in zip(given["inputs"][rows], z, low, high, series, strict=True):
        moved = np.maximum(at - given["weights"] * x, floor)
        expected += np.where(x != 0, chebval((2 * moved - most - least) / (most - least), own), 0)
    np.testing.assert_allclose(total, expected)
