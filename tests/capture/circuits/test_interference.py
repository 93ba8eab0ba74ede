"""Superposition: orthogonal units overlap by 0, n features in n/2 dimensions by exactly 1."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from weightdesk.capture import Specimen
from weightdesk.capture.circuits import interference
from weightdesk.capture.circuits.interference import overlaps
from weightdesk.capture.layers import layers_of
from weightdesk.errors import OptionError


def with_weights(weights: Tensor, examples: int = 400) -> Specimen:
    net = nn.Linear(weights.shape[1], len(weights)).double()
    net.weight.data = weights.double()
    rows = torch.randn(examples, weights.shape[1], generator=torch.Generator().manual_seed(0)).double()
    return Specimen(net, rows)


def orthogonal(size: int, seed: int = 0) -> Tensor:
    drawn = torch.randn(size, size, generator=torch.Generator().manual_seed(seed)).double()
    return torch.linalg.qr(drawn).Q


def test_orthogonal_units_do_not_overlap() -> None:
    whole = with_weights(orthogonal(6) * torch.arange(1.0, 7)[:, None])
    found = interference(whole, layers_of(whole.model, whole.inputs)[0]).units
    assert found.overlap.abs().max() < 1e-12
    assert found.features_per_dimension == pytest.approx(1.0)
    assert found.dimensionality.tolist() == pytest.approx([1.0] * 6)


@given(st.integers(1, 6), st.integers(0, 99))
def test_twice_as_many_features_as_dimensions_overlap_by_one(size: int, seed: int) -> None:
    """In antipodal pairs, and as two rotated bases: both are tight, and n/m − 1 = 1 for each."""
    basis = orthogonal(size, seed)
    for features in (torch.cat([basis, -3 * basis]), torch.cat([torch.eye(size).double(), basis])):
        assert overlaps(features).tolist() == pytest.approx([1.0] * 2 * size)


@given(st.integers(2, 9))
def test_evenly_spread_directions_in_the_plane_have_the_known_overlap(features: int) -> None:
    angles = torch.arange(features).double() * 2 * math.pi / features
    found = overlaps(torch.stack([angles.cos(), angles.sin()], dim=1))
    expected = features / 2 - 1 if features > 2 else 1.0
    assert found.tolist() == pytest.approx([expected] * features)


@given(st.integers(2, 6), st.integers(2, 6), st.integers(0, 99))
def test_overlaps_are_those_of_the_definition_and_do_not_change_with_the_scale(
    units: int, dimensions: int, seed: int
) -> None:
    weights = torch.randn(units, dimensions, generator=torch.Generator().manual_seed(seed)).double()
    found = overlaps(weights)
    for unit in range(units):
        others = [other for other in range(units) if other != unit]
        cosines = torch.cosine_similarity(weights[[unit]], weights[others])
        assert float(found[unit]) == pytest.approx(float(cosines.square().sum()))
    assert torch.allclose(overlaps(weights * torch.arange(1.0, units + 1)[:, None]), found)


def test_the_mean_over_random_directions_is_the_expected_one() -> None:
    generator = torch.Generator().manual_seed(0)
    means = [float(overlaps(torch.randn(20, 10, generator=generator)).mean()) for _ in range(200)]
    assert sum(means) / 200 == pytest.approx(19 / 10, rel=0.01)


def test_the_rest_of_the_variance_is_what_other_inputs_give() -> None:
    """Independent inputs of variance 1: the share of a feeder is its squared weight over their sum."""
    weights = torch.tensor([[3.0, 0.0, 0.0, 0.0], [2.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    inputs = orthonormal_rows(4)
    net = nn.Linear(4, 3).double()
    net.weight.data = weights.double()
    whole = Specimen(net, inputs)
    layer = layers_of(net, inputs)[0]
    page = interference(whole, layer, feeders=1)
    assert page.units.rest[:2].tolist() == pytest.approx([0.0, 3 / 7], abs=1e-9)
    assert page.units.rest[2].isnan()
    assert page.units.overlap[2].isnan()
    assert interference(whole, layer, feeders=9).units.rest[1] == pytest.approx(0.0, abs=1e-9)
    assert page.to_arrow()["unit"].to_pylist()[-1] == 2


def orthonormal_rows(features: int) -> Tensor:
    """Every combination of signs: mean 0, variance 1, no correlation."""
    sides = torch.tensor([-1.0, 1.0]).double()
    return torch.cartesian_prod(*[sides] * features)


def test_networks_stand_beside_and_the_same_bits_come_each_time() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 8, 2)).eval()
    whole = Specimen(net, torch.randn(10, 1, 6, 6))
    layer = layers_of(net, whole.inputs)[1]
    first, second = (interference(whole, layer, untrained=net, seed=2) for _ in range(2))
    assert list(first.networks) == ["this network", "scrambled weights", "step 0", "random directions"]
    for name, found in first.networks.items():
        assert torch.equal(found.overlap, second.networks[name].overlap)
        assert torch.equal(found.rest, second.networks[name].rest)
    assert first.dimensions == 8
    assert torch.equal(first.units.overlap, first.networks["step 0"].overlap)
    assert not torch.equal(first.units.overlap, first.networks["random directions"].overlap)
    assert "features a dimension" in first._repr_html_()
    assert "a dimension, random directions" in first.title
    with pytest.raises(OptionError, match="feeders must be 1 or more"):
        interference(whole, layer, 0)
