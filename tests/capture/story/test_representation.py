"""What is kept of a layer: all of it where that is little, means over a grid where it is much."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from weightdesk.capture.layers import layers_of
from weightdesk.capture.story.representation import centred, pooled, representations


def test_a_small_layer_is_kept_as_it_is_after_its_activation_function() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))
    inputs = torch.randn(300, 1, 6, 6)
    found = representations(net, inputs, layers_of(net, inputs))
    assert list(found) == ["inputs", "0", "3"]
    assert torch.equal(found["inputs"], inputs.flatten(1).double())
    assert torch.equal(found["0"], net[:3](inputs).double())
    assert torch.allclose(found["3"], net(inputs).double(), atol=1e-6)


@given(st.integers(1, 5), st.integers(1, 30), st.integers(1, 40), st.booleans())
def test_no_more_is_kept_than_wanted_and_no_unit_is_lost(
    units: int, places: int, features: int, plane: bool
) -> None:
    values = torch.arange(float(2 * units * places)).view(2, units, places)
    found = pooled(values, features, plane)
    assert found.shape[:2] == (2, units)
    assert found.shape[2] == 1 or units * found.shape[2] <= features
    assert found.amin() >= values.amin()
    assert found.amax() <= values.amax()


def test_a_map_is_averaged_over_squares_and_a_sentence_over_stretches() -> None:
    values = torch.arange(16.0).view(1, 1, 16)
    assert pooled(values, 4, plane=True).tolist() == [[[2.5, 4.5, 10.5, 12.5]]]
    assert pooled(values, 4, plane=False).tolist() == [[[1.5, 5.5, 9.5, 13.5]]]
    assert pooled(values[..., :15], 3, plane=True).tolist() == [[[2.0, 7.0, 12.0]]]


def test_token_numbers_are_no_amounts() -> None:
    net, tokens = nn.Sequential(nn.Embedding(5, 3)), torch.zeros(4, 2, dtype=torch.long)
    assert list(representations(net, tokens, layers_of(net, tokens))) == ["0"]


def test_what_differs_by_rounding_only_is_constant() -> None:
    values = torch.full((1000, 2), 0.1).double()
    values[:, 1] += torch.arange(1000) * 1e-3
    found = centred(values)
    assert found[:, 0].abs().max() == 0
    assert found[:, 1].std() > 0.1
