"""Class separability against plain definitions; what is planted is found, what is not stays at chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf
from sklearn.neighbors import NearestCentroid
from torch import Tensor

from weightdesk.capture.story.discriminants import class_means, discriminant_ratio, discriminants
from weightdesk.capture.story.separability import class_separation, nearest_means, separability
from weightdesk.errors import OptionError


def clusters(
    apart: float, classes: int = 3, each: int = 60, features: int = 5, seed: int = 0
) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(classes, features, generator=generator, dtype=torch.float64) * apart
    labels = torch.arange(classes).repeat(each)
    noise = torch.randn(len(labels), features, generator=generator, dtype=torch.float64)
    return centres[labels] + noise, labels


def plain_ratio(features: np.ndarray, labels: np.ndarray) -> float:
    within, between = (np.zeros((features.shape[1],) * 2) for _ in range(2))
    mean = features.mean(0)
    for label in np.unique(labels):
        mine = features[labels == label]
        within = within + (mine - mine.mean(0)).T @ (mine - mine.mean(0))
        between = between + len(mine) * np.outer(mine.mean(0) - mean, mine.mean(0) - mean)
    return float(np.trace(np.linalg.inv(within) @ between))


def plain_separation(features: np.ndarray, labels: np.ndarray) -> float:
    """Equation 11 of Kornblith et al. 2021, pair by pair."""
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    distance, classes = 1 - unit @ unit.T, np.unique(labels)
    within = sum(distance[np.ix_(labels == k, labels == k)].mean() for k in classes) / len(classes)
    overall = sum(distance[np.ix_(labels == j, labels == k)].mean() for j in classes for k in classes)
    return float(1 - within / (overall / len(classes) ** 2))


@given(st.floats(0, 5), st.integers(2, 4), st.integers(0, 99))
def test_ratio_and_separation_are_those_of_their_definitions(apart: float, classes: int, seed: int) -> None:
    features, labels = clusters(apart, classes, 8, 3, seed)
    once = torch.ones(1, len(labels)).double()
    plain = plain_ratio(features.numpy(), labels.numpy())
    assert discriminant_ratio(features, labels, once).item() == pytest.approx(plain, rel=1e-7, abs=1e-9)
    plain = plain_separation(features.numpy(), labels.numpy())
    assert class_separation(features, labels, once).item() == pytest.approx(plain, rel=1e-9, abs=1e-12)


def test_weights_count_an_example_several_times() -> None:
    features, labels = clusters(1.0, each=6)
    weights = torch.randint(1, 4, (2, len(labels)), generator=torch.Generator().manual_seed(0)).double()
    for row, weight in enumerate(weights):
        rows = torch.arange(len(labels)).repeat_interleave(weight.long())
        once = torch.ones(1, len(rows)).double()
        for score in (discriminant_ratio, class_separation):
            expected = score(features[rows], labels[rows], once).item()
            assert score(features, labels, weights)[row].item() == pytest.approx(expected, rel=1e-8)


@given(st.integers(0, 99))
def test_ratio_is_the_same_under_invertible_maps_and_separation_under_rotations(seed: int) -> None:
    features, labels = clusters(1.0, each=10, features=3, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    square = torch.randn(3, 3, generator=generator, dtype=torch.float64)
    mapped = square + 3 * torch.eye(3)
    once = torch.ones(1, len(labels)).double()
    ratio = discriminant_ratio(features, labels, once).item()
    assert discriminant_ratio(features @ mapped + 7, labels, once).item() == pytest.approx(ratio, rel=1e-5)
    rotation = torch.linalg.qr(square).Q
    separation = class_separation(features, labels, once).item()
    assert class_separation(3 * features @ rotation, labels, once).item() == pytest.approx(
        separation, rel=1e-9
    )


@pytest.mark.parametrize("features", [4, 90])
def test_discriminants_solve_the_shrunk_covariance_whichever_side_is_smaller(features: int) -> None:
    values, labels = clusters(1.0, each=20, features=features)
    means = class_means(values, labels)
    covariance, _ = ledoit_wolf((values - means[labels]).numpy(), assume_centered=True)
    towards = (means - values.mean(0))[:-1].T.numpy()
    expected = np.linalg.solve(covariance, towards)
    assert np.allclose(discriminants(values, labels).numpy(), expected, rtol=1e-7)


def test_nearest_means_are_those_of_scikit_learn() -> None:
    features, labels = clusters(0.8)
    others, _ = clusters(0.8, seed=1)
    expected = NearestCentroid().fit(features.numpy(), labels.numpy()).predict(others.numpy())
    assert nearest_means(features, labels, others).tolist() == expected.tolist()


def test_planted_classes_are_apart_and_noise_is_not() -> None:
    features, labels = clusters(6.0)
    found = separability(features, labels)
    assert found.accuracy.value == 1.0
    assert found.accuracy.low > found.chance[1]
    assert found.fisher.low > found.chance[0]
    assert found.separation.low > found.chance[2]
    noise, labels = clusters(0.0, each=200, features=300)
    found = separability(noise, labels)
    assert found.accuracy.low < 1 / 3 < found.accuracy.high
    assert found.fisher.low < 0.1
    assert found.separation.value < 0.05


def test_intervals_hold_the_score_of_many_examples() -> None:
    """95 % of them should: of 40, fewer than 33 would be a chance of 1 in 1,000."""
    truth = separability(*clusters(0.7, each=6000, seed=0), permuted=0, resamples=2)
    everything, labels = clusters(0.7, each=4000, seed=0)
    held = {"fisher": 0, "separation": 0}
    for draw in range(40):
        some = torch.arange(draw * 240, (draw + 1) * 240)
        found = separability(everything[some], labels[some], permuted=0, seed=draw)
        for name in held:
            estimate = getattr(found, name)
            held[name] += estimate.low <= getattr(truth, name).value <= estimate.high
    assert min(held.values()) >= 33, held


def test_the_same_seed_gives_the_same_bits() -> None:
    features, labels = clusters(1.0)
    assert separability(features, labels, seed=3) == separability(features, labels, seed=3)
    assert separability(features, labels, seed=3).fisher != separability(features, labels, seed=4).fisher


def test_a_layer_that_never_varies_tells_nothing_apart() -> None:
    _, labels = clusters(1.0)
    found = separability(torch.ones(len(labels), 4).double(), labels)
    assert found.fisher.value == 0
    assert found.separation.value == 0
    assert found.accuracy.value == pytest.approx(1 / 3)


def test_examples_that_cannot_be_told_and_rare_classes_are_left_out() -> None:
    features, labels = clusters(3.0)
    more = torch.cat([features, 100 * torch.ones(5, 5).double()])
    marked = torch.cat([labels, torch.tensor([-1, -1, -1, 9, 9])])
    assert separability(more, marked) == separability(features, labels)
    with pytest.raises(OptionError, match=r"from two on with 4 examples each, got 1"):
        separability(features, torch.zeros_like(labels))


def test_without_permutations_chance_is_not_a_number() -> None:
    found = separability(*clusters(1.0), permuted=0)
    assert all(math.isnan(each) for each in found.chance)
