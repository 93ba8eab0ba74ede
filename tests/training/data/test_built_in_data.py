"""Data that need no file: real ones from scikit-learn and made-up ones with a known structure."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes, load_digits

from weightdesk.training.data import Source, load
from weightdesk.training.data.mixdown import GAINS
from weightdesk.training.data.source import BUILT_IN, PLANE


def of(kind: str, **options: object):
    return load(Source(kind=kind, **options))


@pytest.mark.parametrize("kind", BUILT_IN)
def test_the_same_seed_gives_the_same_bits(kind):
    assert torch.equal(of(kind).inputs, of(kind).inputs)
    assert torch.equal(of(kind).targets, of(kind).targets)


def test_digits_are_scikit_learns():
    pictures, labels = load_digits(return_X_y=True)
    np.testing.assert_array_equal(of("digits").inputs.flatten(1) * 16, pictures)
    np.testing.assert_array_equal(of("digits").targets, labels)
    assert of("digits").outputs == 10


def test_tables_have_their_names():
    cancer, diabetes = of("breast-cancer"), of("diabetes")
    assert cancer.class_names == ("malignant", "benign")
    assert len(cancer.feature_names) == cancer.inputs.shape[1] == 30
    np.testing.assert_allclose(diabetes.targets[:, 0], load_diabetes().target)
    assert diabetes.feature_names[:2] == ("age", "sex")


@pytest.mark.parametrize("kind", PLANE)
def test_points_have_two_inputs_balanced_classes_and_obey_noise_and_seed(kind):
    points = of(kind, examples=501, noise=0.0)
    assert points.input_shape == (2,)
    assert torch.bincount(points.targets).tolist() == [251, 250]
    assert points.inputs.norm(dim=1).max() < 8
    shifted = of(kind, examples=501, noise=0.5).inputs - points.inputs
    assert float(shifted.std()) == pytest.approx(0.5, rel=0.1)
    assert not torch.equal(points.inputs, of(kind, examples=501, noise=0.0, data_seed=1).inputs)


def test_without_noise_the_shapes_are_as_described():
    xor, circle = of("xor", noise=0.0), of("circle", noise=0.0)
    assert torch.equal((xor.inputs.prod(dim=1) < 0).long(), xor.targets)
    assert torch.equal((circle.inputs.norm(dim=1) > 2.75).long(), circle.targets)
    spirals = of("spirals", noise=0.0)
    radius, angle = spirals.inputs.norm(dim=1), torch.atan2(spirals.inputs[:, 1], spirals.inputs[:, 0])
    turned = angle - 3 * torch.pi * (radius - 0.5) / 4.5 - torch.pi * spirals.targets
    torch.testing.assert_close(turned.cos(), torch.ones(1000), atol=1e-3, rtol=0)


def test_the_radio_can_be_tuned_in_though_no_aerial_hears_the_station_alone():
    radio = of("radio", noise=0.0)
    solution = torch.linalg.lstsq(radio.inputs, radio.targets)
    torch.testing.assert_close(radio.inputs @ solution.solution, radio.targets, atol=1e-4, rtol=0)
    heard = torch.corrcoef(torch.cat([radio.inputs, radio.targets], dim=1).T)[-1, :-1].abs()
    assert heard.max() < 0.85


def test_the_mix_is_the_sum_of_its_tracks_times_their_gains():
    mix = of("mixdown")
    assert len(mix) == 4 * 8000 == 4 * mix.sample_rate
    gains = torch.tensor([mix.planted[name] for name in mix.feature_names])
    torch.testing.assert_close(mix.inputs @ gains, mix.targets[:, 0], atol=1e-5, rtol=0)
    assert [name for name, gain in GAINS.items() if gain == 0] == ["lead", "strings", "bell"]


def test_tracks_have_power_one_and_differ():
    tracks = of("mixdown").inputs
    torch.testing.assert_close(tracks.square().mean(dim=0), torch.ones(8), atol=1e-4, rtol=0)
    correlation = torch.corrcoef(tracks.T) - torch.eye(8)
    assert correlation.abs().max() < 0.3
