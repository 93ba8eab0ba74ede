"""Filters get the word of what they were made of, with numbers that scipy finds as well."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares
from torch import Tensor

from weightdesk.capture.filters import FilterFits, fit_filters
from weightdesk.capture.filters.blob import Blob
from weightdesk.capture.filters.fitting import MODELS
from weightdesk.capture.filters.gabor import Gabor
from weightdesk.errors import OptionError

COLOURS = torch.tensor([[1.0, 1, 1], [1, -1, 0.2], [0.3, 0.8, -0.5]], dtype=torch.float64)
AXIS = torch.arange(7, dtype=torch.float64) - 3
Y, X = torch.meshgrid(AXIS, AXIS, indexing="ij")


def noise(count: int, seed: int = 0, size: int = 7, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, size, size, generator=generator, dtype=torch.float64)


def planted_gabors() -> tuple[Tensor, Tensor, Tensor]:
    """Filters, orientations and frequencies."""
    orientations = torch.tensor([0.1, 0.7, 1.3, 1.9, 2.5, 3.0], dtype=torch.float64)
    frequencies = torch.tensor([0.15, 0.22, 0.3, 0.18, 0.25, 0.35], dtype=torch.float64)
    filters = []
    for at, (angle, frequency) in enumerate(zip(orientations, frequencies, strict=True)):
        across = (X - 0.3) * angle.cos() + (Y + 0.2) * angle.sin()
        along = (Y + 0.2) * angle.cos() - (X - 0.3) * angle.sin()
        window = (-0.5 * ((across / 2.0).square() + (along / 2.6).square())).exp()
        profile = window * (2 * math.pi * frequency * across + 0.5 * at).cos()
        filters.append(COLOURS[at % 3, :, None, None] * profile)
    return torch.stack(filters), orientations, frequencies


@pytest.fixture(scope="module")
def gabors() -> FilterFits:
    return fit_filters(planted_gabors()[0], random=30)


def test_planted_gabors_are_recovered(gabors: FilterFits) -> None:
    filters, orientations, frequencies = planted_gabors()
    found = Gabor().fit(filters)
    assert found.r2.min() > 0.9999
    turn = (found.parameters["orientation"] - orientations + math.pi / 2) % math.pi - math.pi / 2
    assert turn.abs().max() < 0.01
    assert (found.parameters["frequency"] - frequencies).abs().max() < 0.005
    assert ((found.parameters["phase"] >= 0) & (found.parameters["phase"] <= math.pi)).all()
    assert gabors.words == ("gabor",) * 6


def test_noise_on_a_gabor_costs_what_it_adds() -> None:
    filters, orientations, _ = planted_gabors()
    disturbed = filters + 0.05 * noise(6)
    found = Gabor().fit(disturbed)
    share = 1 - (0.05 * noise(6)).square().sum((1, 2, 3)) / disturbed.square().sum((1, 2, 3))
    assert (found.r2 > share).all()
    assert (found.r2 - share).max() < 0.1
    turn = (found.parameters["orientation"] - orientations + math.pi / 2) % math.pi - math.pi / 2
    assert turn.abs().max() < 0.15


def test_each_word_is_given_to_what_it_means() -> None:
    """A sharp edge, a spot with a surround, and an opponent colour on a shape that none of the others has."""
    edge = torch.where(X > 0.5, 1.0, -1.0).double() * COLOURS[2, :, None, None]
    distance = X.square() + Y.square()
    blob = ((-0.5 * distance).exp() - 0.3 * (-0.1 * distance).exp()) * COLOURS[0, :, None, None]
    shape = noise(1, 3)[0, 0]
    colour = shape * torch.tensor([1.0, -1.0, 0.0], dtype=torch.float64)[:, None, None]
    filters = torch.stack([edge, blob, colour, torch.zeros_like(edge)])
    found = fit_filters(filters, random=40)
    assert found.words[:3] == ("edge", "blob", "colour")
    assert found.words[3] == "none"
    assert found.best[:3].min() > 0.99
    assert found.r2[3].tolist() == [0.0] * 4


def test_the_fit_is_as_good_as_scipys() -> None:
    """On noise, where there are many local optima: on the mean no worse than the best of ten starts."""
    model, target = Blob(), noise(4, 1, channels=1)
    places = X.flatten(), Y.flatten()
    low, high = np.array(list(model.ranges(7, 7).values())).T
    generator = np.random.default_rng(0)
    theirs = []
    for flat in target.flatten(1).numpy():

        def residual(parameters: np.ndarray, flat: np.ndarray = flat) -> np.ndarray:
            profile = model.profile(torch.from_numpy(parameters)[None], *places)[0].numpy()
            return flat - profile * (flat @ profile) / (profile @ profile)

        starts = generator.uniform(low, high, (10, len(low)))
        cost = min(least_squares(residual, start, bounds=(low, high), max_nfev=60).cost for start in starts)
        theirs.append(1 - 2 * cost / (flat @ flat))
    assert model.fit(target).r2.mean().item() > np.mean(theirs) - 0.01


@pytest.mark.parametrize("word", list(MODELS))
@settings(max_examples=4)
@given(seed=st.integers(0, 999), scale=st.floats(0.01, 100), sign=st.sampled_from([-1, 1]))
def test_r2_is_a_share_that_no_scale_changes(word: str, seed: int, scale: float, sign: int) -> None:
    filters = noise(2, seed, size=5)
    one, other = (MODELS[word].fit(each) for each in (filters, sign * scale * filters))
    assert ((one.r2 >= 0) & (one.r2 <= 1)).all()
    assert torch.allclose(one.r2, other.r2, atol=1e-3)
    left = (filters - one.fitted).square().sum((1, 2, 3)) / filters.square().sum((1, 2, 3))
    assert torch.allclose(1 - left, one.r2)


def test_the_same_seed_gives_the_same_bits_and_another_seed_other_random_filters() -> None:
    filters = noise(2, 2, size=5).float()
    one, same, other = (fit_filters(filters, random=4, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.r2, same.r2)
    assert torch.equal(one.random_r2, same.random_r2)
    assert torch.equal(one.r2, other.r2)
    assert not torch.equal(one.random_r2, other.random_r2)


def test_scrambled_weights_lose_their_words(gabors: FilterFits) -> None:
    filters, _, _ = planted_gabors()
    order = torch.randperm(filters.numel(), generator=torch.Generator().manual_seed(0))
    lost = fit_filters(filters.flatten()[order].view_as(filters), random=30)
    assert gabors.share == 1.0
    assert lost.share == gabors.random_share == 0.0
    assert lost.words.count("none") >= 5
    assert lost.chance.min() > gabors.chance.max()


def test_small_filters_are_no_edges_by_chance_alone() -> None:
    """With 9 weights nearly anything is fitted well, and so are random filters: that is said."""
    found = fit_filters(noise(40, 5, size=3, channels=1), random=100)
    assert found.random_share > 0.3
    assert found.words.count("none") >= 34
    assert found.models == ("edge", "blob", "gabor")
    uneven = found.chance.sort().values
    assert (uneven - torch.linspace(0, 1, 40)).abs().max() < 0.3


def test_the_page_says_words_and_chance(gabors: FilterFits) -> None:
    assert gabors.title.startswith("6 filters of 7 × 7 × 3: 100% fitted with R² ≥ 0.8, 0% of random ones")
    table = gabors.to_arrow()
    assert table["word"].to_pylist() == ["gabor"] * 6
    assert table["R²"].to_pylist() == sorted(table["R²"].to_pylist(), reverse=True)
    beside = gabors.sections()[1].table.to_pylist()
    assert [row["free parameters"] for row in beside] == [8, 8, 10, 50]
    assert "gabor" in gabors._repr_html_()


def test_progress_rises_to_the_end() -> None:
    heard: list[float] = []
    fit_filters(noise(1, size=3), random=1, progress=lambda what, share: heard.append(share))
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


@pytest.mark.parametrize(
    ("weights", "random", "words"),
    [
        (torch.zeros(3, 4), 9, r"shape \(units, channels, height, width\).* got \(3, 4\)"),
        (torch.full((1, 1, 3, 3), math.nan), 9, "must be finite"),
        (torch.zeros(1, 1, 3, 3), 0, "random must be 1 or more, got 0"),
    ],
)
def test_mistakes_are_told_in_one_line(weights: Tensor, random: int, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        fit_filters(weights, random=random)
