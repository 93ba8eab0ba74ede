from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from weightdesk.statistics.pyramid import Pyramid

matrices = arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.floats(-1e6, 1e6, width=32),
)


def strongest(block: np.ndarray) -> float:
    """The largest magnitude; where both signs have it, the positive one."""
    high, low = float(block.max()), float(block.min())
    return high if high >= -low else low


@given(matrices)
def test_each_number_is_the_strongest_of_what_it_stands_for(matrix: np.ndarray) -> None:
    for number, level in enumerate(Pyramid.of(torch.from_numpy(matrix)).levels):
        size = 2**number
        for row, column in np.ndindex(*level.shape):
            block = matrix[row * size : (row + 1) * size, column * size : (column + 1) * size]
            assert float(level[row, column]) == strongest(block)


def test_levels_halve_until_one_number_is_left() -> None:
    shapes = [tuple(each.shape) for each in Pyramid.of(torch.randn(5, 12)).levels]
    assert shapes == [(5, 12), (3, 6), (2, 3), (1, 2), (1, 1)]


def test_a_nan_is_never_hidden() -> None:
    matrix = torch.ones(7, 7)
    matrix[3, 4] = torch.nan
    for level in Pyramid.of(matrix).levels:
        assert int(level.isnan().sum()) == 1


def test_tiles_cover_a_level_once() -> None:
    matrix = torch.arange(35.0).view(5, 7)
    pyramid = Pyramid.of(matrix)
    rows = [torch.cat([pyramid.tile(0, row, column, 3) for column in range(3)], 1) for row in range(2)]
    assert torch.equal(torch.cat(rows), matrix)


def test_the_same_matrix_gives_the_same_levels() -> None:
    matrix = torch.randn(33, 65)
    one, other = Pyramid.of(matrix), Pyramid.of(matrix.clone())
    assert all(map(torch.equal, one.levels, other.levels))
