"""Planted duplicates are found; correlations are NumPy's; scrambled networks have none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from weightdesk.capture import Specimen
from weightdesk.capture.examples import duplicates
from weightdesk.capture.examples.moments import Moments
from weightdesk.capture.layers import layers_of
from weightdesk.errors import OptionError


def planted() -> Specimen:
    """Convolution unit 3 is twice unit 1 with a little noise; unit 4 is dead; unit 5 is the negative of 0."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.LeakyReLU(0.9)).eval()
    weight = net[0].weight.data
    weight[3] = 2 * weight[1] + 0.02 * torch.randn(1, 3, 3)
    weight[4], weight[5] = 0.0, -weight[0]
    return Specimen(net, torch.randn(30, 1, 6, 6))


def test_planted_duplicates_are_found_and_no_others() -> None:
    whole = planted()
    page = duplicates(whole, layers_of(whole.model, whole.inputs)[0], untrained=whole.model)
    assert page.pairs == [(1, 3)]
    found = page.networks["this network"]
    assert float(found.cosine[1, 3]) > 0.99
    assert float(found.cosine[0, 5]) == pytest.approx(-1)
    assert float(found.correlation[0, 5]) < -0.99
    assert found.correlation[4].isnan().all()
    assert len(found.closest()) == 5
    assert page.networks["scrambled weights"].pairs(0.95) == []
    assert page.title == "1 pairs of units of 0 with a correlation of 0.95 or more, 0 when scrambled"
    assert page.to_arrow()["unit"].to_pylist() == [1]
    assert "step 0" in page._repr_html_()


def test_correlations_are_those_of_numpy_over_examples_and_places() -> None:
    whole = planted()
    found = duplicates(whole, layers_of(whole.model, whole.inputs)[0]).networks["this network"]
    values = whole.model(whole.inputs).detach().double().movedim(1, 0).flatten(1).numpy()
    alive = [0, 1, 2, 3, 5]
    assert np.allclose(found.correlation[alive][:, alive].numpy(), np.corrcoef(values[alive]), atol=1e-6)


@given(
    st.lists(st.floats(-1e3, 1e3, width=32), min_size=4, max_size=24), st.integers(1, 5), st.floats(-1e6, 1e6)
)
def test_batches_and_a_large_mean_make_no_difference(values: list[float], batch: int, mean: float) -> None:
    numbers = torch.tensor(values[: len(values) // 2 * 2]).double().view(-1, 2)
    moments = Moments()
    for some in torch.split(numbers + mean, batch):
        moments.add(some)
    expected = np.cov((numbers + mean).numpy().T, ddof=0)
    assert np.allclose(moments.covariance().numpy(), expected, rtol=1e-6, atol=1e-3)


def test_embeddings_have_units_too_and_the_same_bits_come_each_time() -> None:
    torch.manual_seed(0)
    net, tokens = nn.Embedding(9, 3), torch.arange(9).view(3, 3)
    net.weight.data[:, 2] = net.weight.data[:, 0]
    layer = layers_of(net, tokens)[0]
    first, second = (duplicates(Specimen(net, tokens), layer, seed=2) for _ in range(2))
    assert first.pairs == [(0, 2)]
    for name, found in first.networks.items():
        assert torch.equal(found.correlation, second.networks[name].correlation)


def test_a_threshold_that_is_no_correlation_is_an_error() -> None:
    whole = planted()
    with pytest.raises(OptionError, match="threshold must be a correlation"):
        duplicates(whole, layers_of(whole.model, whole.inputs)[0], 1.5)
