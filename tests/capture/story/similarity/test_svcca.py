"""SVCCA against its definition in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from weightdesk.capture.story.similarity.svcca import Svcca, svcca


def layer(examples: int, features: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    scale = torch.logspace(0, -1.5, features, dtype=torch.float64)
    return torch.randn(examples, features, generator=generator, dtype=torch.float64) * scale + seed


def plain(first: np.ndarray, second: np.ndarray, kept: float) -> float:
    """Keep the leading singular vectors; then eigenvalues of Σ₁₁⁻¹ Σ₁₂ Σ₂₂⁻¹ Σ₂₁ are squared correlations."""
    reduced = []
    for values in (first, second):
        centred = values - values.mean(0)
        left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
        shares = np.cumsum(sizes**2) / (sizes**2).sum()
        count = min(int((shares < kept).sum()) + 1, int((sizes > 1e-6 * sizes[0]).sum()))
        reduced.append(left[:, :count] * sizes[:count])
    one, two = reduced
    product = np.linalg.solve(one.T @ one, one.T @ two) @ np.linalg.solve(two.T @ two, two.T @ one)
    squares = np.sort(np.linalg.eigvals(product).real)[::-1][: min(one.shape[1], two.shape[1])]
    return float(np.sqrt(squares.clip(0)).mean())


@given(
    st.integers(12, 40),
    st.integers(1, 10),
    st.integers(1, 10),
    st.integers(0, 99),
    st.sampled_from([0.9, 0.99]),
)
def test_it_is_the_mean_canonical_correlation(
    examples: int, features: int, others: int, seed: int, kept: float
) -> None:
    first, second = layer(examples, features, seed), layer(examples, others, seed + 1)
    expected = plain(first.numpy(), second.numpy(), kept)
    assert svcca(first, second, kept=kept) == pytest.approx(expected, abs=1e-6)


def test_more_features_than_examples_are_reduced_through_the_examples() -> None:
    first, second = layer(20, 50, 0), layer(20, 6, 1)
    expected = plain(first.numpy(), second.numpy(), 0.9)
    assert svcca(first, second, kept=0.9) == pytest.approx(expected, abs=1e-6)


@given(st.integers(0, 99), st.floats(0.01, 100))
def test_rotating_moving_and_scaling_changes_nothing(seed: int, scale: float) -> None:
    first, second = layer(40, 4, seed), layer(40, 6, seed + 1)
    rotation = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(seed)).double()).Q
    moved = scale * first @ rotation + 3
    assert svcca(moved, second) == pytest.approx(svcca(first, second), abs=1e-7)
    assert svcca(first, moved) == pytest.approx(1)


@given(st.integers(0, 99))
def test_with_all_variance_kept_no_invertible_map_changes_anything(seed: int) -> None:
    first, second = layer(40, 4, seed), layer(40, 6, seed + 1)
    square = torch.randn(4, 4, generator=torch.Generator().manual_seed(seed)).double() + 4 * torch.eye(4)
    assert svcca(first @ square - 2, second, kept=1) == pytest.approx(svcca(first, second, kept=1), abs=1e-7)


def test_only_the_axes_that_keep_the_variance_are_compared() -> None:
    """Two axes of sizes 10 and 0.1: the small one keeps less than 1 % of the variance."""
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(500, 3, generator=generator, dtype=torch.float64)
    first, second = points[:, [0, 1]] * torch.tensor([10, 0.1]), points[:, [0, 2]] * torch.tensor([10, 0.1])
    assert svcca(first, second) == pytest.approx(1, abs=1e-3)
    assert svcca(first, second, kept=1) < 0.6
    assert Svcca(0.99).prepared(first).shape == (500, 1)


def test_it_is_the_same_bits_again() -> None:
    assert svcca(layer(60, 9, 0), layer(60, 7, 1)) == svcca(layer(60, 9, 0), layer(60, 7, 1))
