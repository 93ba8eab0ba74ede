from __future__ import annotations

import numpy as np
import pytest
import torch
from terminal_recordings import Record
from torch import nn

from weightdesk import Run
from weightdesk.terminal.tiles import first_tiles, tiles


def test_filters_are_the_weights_of_the_first_convolution(pictures: Run) -> None:
    found = first_tiles(pictures, 4)
    np.testing.assert_array_equal(found.maps, pictures.weights("0.weight", 4).numpy())
    assert found.names == ("0", "1", "2")
    assert found.rows == ()
    assert found.scale == float(pictures.weights("0.weight", 4).abs().max())
    assert found.title == "0.weight at step 4: 3 units of 3×3, 2 channels side by side"


def test_a_convolution_goes_before_an_earlier_matrix(record: Record) -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.Conv2d(1, 2, 3))
    assert first_tiles(record(network, 1, 4, 4), 0).title.startswith("1.weight")


def test_a_matrix_goes_before_a_vector(record: Record) -> None:
    network = nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 2), nn.Linear(2, 2))
    found = first_tiles(record(network, 3), 0)
    assert found.title.startswith("1.weight")
    assert found.maps.shape == (1, 1, 3, 2)


def test_units_over_the_pixels_of_a_picture_are_pictures() -> None:
    weights = torch.arange(24.0).reshape(2, 12)
    found = tiles("fc", weights, 0, {"input_shape": [3, 2, 2]})
    assert found.maps.shape == (2, 3, 2, 2)
    assert found.maps[1, 2].tolist() == [[20.0, 21.0], [22.0, 23.0]]


def test_a_matrix_has_a_row_an_input() -> None:
    found = tiles("fc", torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), 0, {"input_shape": [3]})
    assert found.maps[0, 0].tolist() == [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    assert found.rows == ("0", "1", "2")


@pytest.mark.parametrize("shape", [(), (3,), (3, 2, 5), (2, 1, 2, 2, 2)])
def test_other_shapes_become_a_matrix(shape: tuple[int, ...]) -> None:
    found = tiles("w", torch.ones(shape), 0, {})
    assert found.maps.size == torch.ones(shape).numel()
    assert len(found.rows) == found.maps.shape[2]


def test_what_is_left_out_is_said() -> None:
    assert "first 4 of 9" in tiles("conv", torch.ones(2, 9, 3, 3), 0, {}).title
    found = tiles("embedding", torch.ones(700, 4), 0, {"feature_names": ["a", "b", "c", "d"]})
    assert "first 4×512 of 4×700" in found.title
    assert found.maps.shape == (1, 1, 4, 512)


def test_the_scale_leaves_out_what_is_not_finite() -> None:
    assert tiles("w", torch.tensor([[1.0, torch.inf, -2.0]]), 0, {}).scale == 2.0
    assert tiles("w", torch.tensor([[torch.nan]]), 0, {}).scale == 0.0
