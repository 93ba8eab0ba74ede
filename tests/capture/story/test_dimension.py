"""Dimensions of planted surfaces, and of their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from weightdesk.capture.story.dimension import dimension, participation_ratio, two_nn
from weightdesk.errors import OptionError


def cube(examples: int, size: int, seed: int = 0) -> Tensor:
    return torch.rand(examples, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def embedded(points: Tensor, features: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return points @ torch.randn(points.shape[1], features, generator=generator, dtype=torch.float64)


def curved(points: Tensor) -> Tensor:
    """On a torus: each number as an angle."""
    angles = 2 * math.pi * points
    return torch.cat([angles.sin(), angles.cos()], 1)


def fitted_two_nn(features: np.ndarray, discard: float) -> float:
    """Facco et al. 2017: the slope of −log(1 − F(μ)) over log μ through the origin, without the largest."""
    distances = np.sqrt(((features[:, None] - features[None]) ** 2).sum(2))
    first, second = np.sort(distances, 1)[:, 1:3].T
    ratios = np.sort(second / first)
    kept = int(len(ratios) * (1 - discard))
    x, y = np.log(ratios), -np.log(1 - np.arange(len(ratios)) / len(ratios))
    return float((x[:kept] @ y[:kept]) / (x[:kept] @ x[:kept]))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize(
    "shape", [lambda points: embedded(points, 20), lambda points: embedded(curved(points), 20)]
)
def test_the_dimension_of_a_planted_surface_is_found(size: int, shape: object) -> None:
    found = two_nn(shape(cube(2000, size)))  # type: ignore[operator]
    assert found.value == pytest.approx(size, rel=0.1)
    assert found.low < found.value < found.high


def test_intervals_hold_the_planted_dimension() -> None:
    """On a torus, which has no edges: 95 % should; of 60, fewer than 50 would be a chance of 1 in 1,000."""
    held = sum(
        found.low <= 2 <= found.high for seed in range(60) for found in [two_nn(curved(cube(600, 2, seed)))]
    )
    assert held >= 50, held


def test_it_agrees_with_the_fit_of_its_inventors() -> None:
    points = embedded(cube(500, 3), 8)
    assert two_nn(points).value == pytest.approx(fitted_two_nn(points.numpy(), 0.1), rel=0.05)


def test_without_discarding_it_is_the_maximum_likelihood() -> None:
    points = cube(200, 2).numpy()
    distances = np.sort(np.sqrt(((points[:, None] - points[None]) ** 2).sum(2)), 1)
    expected = 199 / np.log(distances[:, 2] / distances[:, 1]).sum()
    assert two_nn(torch.from_numpy(points), discard=0).value == pytest.approx(expected, rel=1e-9)


@given(st.integers(2, 6), st.integers(2, 30), st.integers(0, 99))
def test_participation_is_that_of_the_variances_whichever_side_is_smaller(
    examples: int, features: int, seed: int
) -> None:
    points = embedded(cube(examples, features, seed), features)
    variances = np.linalg.eigvalsh(np.atleast_2d(np.cov(points.numpy().T)))
    expected = variances.sum() ** 2 / (variances**2).sum()
    assert participation_ratio(points) == pytest.approx(expected, rel=1e-8)


@given(st.integers(0, 99), st.floats(0.1, 10))
def test_rotating_moving_and_scaling_changes_neither(seed: int, scale: float) -> None:
    points = cube(60, 3, seed) * torch.tensor([1.0, 2.0, 3.0]).double()
    square = torch.randn(3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    moved = scale * points @ torch.linalg.qr(square).Q + 5
    assert participation_ratio(moved) == pytest.approx(participation_ratio(points), rel=1e-9)
    assert two_nn(moved).value == pytest.approx(two_nn(points).value, rel=1e-6)


def test_shuffled_features_show_what_their_dependence_saves() -> None:
    found = dimension(embedded(cube(400, 2), 30))
    assert found.two_nn.high < 3 < found.shuffled[0]
    assert found.participation.high < 3 < found.shuffled[1]
    assert found.participation.low <= found.participation.value <= found.participation.high


def test_the_same_seed_gives_the_same_bits() -> None:
    points = cube(100, 3)
    assert dimension(points, seed=2) == dimension(points, seed=2)
    assert dimension(points, seed=2).shuffled != dimension(points, seed=3).shuffled


def test_examples_that_lie_on_each_other_count_once() -> None:
    points = cube(300, 2)
    assert two_nn(torch.cat([points, points[:40]])).value == pytest.approx(two_nn(points).value)


def test_where_there_is_too_little_it_is_not_a_number() -> None:
    assert math.isnan(two_nn(torch.ones(50, 3).double()).value)
    assert math.isnan(participation_ratio(torch.full((50, 3), 0.1).double()))
    assert math.isnan(two_nn(cube(3, 2)).value)
    grid = torch.arange(4.0).double()
    assert math.isinf(two_nn(torch.cartesian_prod(grid, grid)).value)
    with pytest.raises(OptionError, match="from 4 examples on, got 3"):
        dimension(cube(3, 2))
