"""Linear CKA against its definitions in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from weightdesk.capture.story.similarity.cka import linear_cka
from weightdesk.errors import OptionError


def layer(examples: int, features: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(examples, features, generator=generator, dtype=torch.float64) + seed % 3


def biased_hsic(K: np.ndarray, L: np.ndarray) -> float:
    H = np.eye(len(K)) - 1 / len(K)
    return float(np.trace(K @ H @ L @ H)) / (len(K) - 1) ** 2


def unbiased_hsic(K: np.ndarray, L: np.ndarray) -> float:
    """Song et al. 2012, equation 5."""
    n, one = len(K), np.ones(len(K))
    K, L = K - np.diag(np.diag(K)), L - np.diag(np.diag(L))
    whole = (one @ K @ one) * (one @ L @ one) / ((n - 1) * (n - 2))
    return float((np.trace(K @ L) + whole - 2 / (n - 2) * one @ K @ L @ one) / (n * (n - 3)))


@given(st.integers(4, 12), st.integers(1, 20), st.integers(1, 20), st.integers(0, 99), st.booleans())
def test_it_is_the_alignment_of_the_products(
    examples: int, features: int, others: int, seed: int, debiased: bool
) -> None:
    first, second = layer(examples, features, seed), layer(examples, others, seed + 1)
    second[:, 0] += first[:, 0]
    K, L = ((each @ each.T).numpy() for each in (first, second))
    hsic = unbiased_hsic if debiased else biased_hsic
    expected = hsic(K, L) / math.sqrt(hsic(K, K) * hsic(L, L))
    assert linear_cka(first, second, debiased=debiased) == pytest.approx(expected, rel=1e-6, abs=1e-8)


@given(st.integers(0, 99), st.floats(0.01, 100), st.booleans())
def test_rotating_moving_and_scaling_changes_nothing(seed: int, scale: float, debiased: bool) -> None:
    first, second = layer(30, 4, seed), layer(30, 6, seed + 1)
    rotation = torch.linalg.qr(layer(4, 4, seed)).Q
    moved = scale * first @ rotation + 3
    expected = linear_cka(first, second, debiased=debiased)
    assert linear_cka(moved, second, debiased=debiased) == pytest.approx(expected, abs=1e-9)
    assert linear_cka(second, moved, debiased=debiased) == pytest.approx(expected, abs=1e-9)
    assert linear_cka(first, moved, debiased=debiased) == pytest.approx(1)


def test_an_invertible_map_does_change_it() -> None:
    first = layer(200, 3, 0)
    assert linear_cka(first, first * torch.tensor([1.0, 1.0, 20.0]).double()) < 0.9


def test_debiased_it_is_zero_on_average_where_there_are_few_examples() -> None:
    pairs = [(layer(20, 100, seed), layer(20, 100, seed + 1)) for seed in range(0, 80, 2)]
    assert abs(np.mean([linear_cka(*pair) for pair in pairs])) < 0.05
    assert np.mean([linear_cka(*pair, debiased=False) for pair in pairs]) > 0.7


def test_it_is_the_same_bits_again() -> None:
    first, second = layer(40, 5, 0), layer(40, 90, 1)
    assert linear_cka(first, second) == linear_cka(first, second)


def test_fewer_than_four_examples_are_refused() -> None:
    with pytest.raises(OptionError, match="4 examples or more, got 3"):
        linear_cka(layer(3, 2, 0), layer(3, 2, 1))
