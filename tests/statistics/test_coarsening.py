from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from weightdesk.statistics import coarsening
from weightdesk.statistics.coarsening import coarsened, largest

matrices = arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    elements=st.floats(width=32, allow_nan=False),
)
sizes = st.integers(1, 10)


def farthest(block: np.ndarray) -> float:
    """By sorting: the largest magnitude; where both signs have it, the positive one."""
    return float(max(block.ravel().tolist(), key=lambda each: (abs(each), each)))


@given(matrices, sizes, sizes)
def test_each_number_is_the_farthest_from_0_of_its_block(matrix: np.ndarray, height: int, width: int) -> None:
    found = coarsened(torch.from_numpy(matrix), height, width).numpy()
    assert found.shape == (-(-matrix.shape[0] // height), -(-matrix.shape[1] // width))
    for row, column in np.ndindex(*found.shape):
        block = matrix[row * height : (row + 1) * height, column * width : (column + 1) * width]
        assert found[row, column] == farthest(block)


@given(matrices, sizes, sizes)
def test_what_is_read_at_once_makes_no_difference(matrix: np.ndarray, height: int, width: int) -> None:
    whole = coarsened(torch.from_numpy(matrix), height, width)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(coarsening, "_TOGETHER", 1)
        assert torch.equal(coarsened(torch.from_numpy(matrix), height, width), whole)


def test_twice_coarser_is_as_coarse_at_once() -> None:
    matrix = torch.randn(37, 65)
    assert torch.equal(coarsened(coarsened(matrix, 4, 2), 2, 8), coarsened(matrix, 8, 16))


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_a_nan_is_never_hidden(size: int) -> None:
    matrix = torch.full((7, 7), torch.inf)
    matrix[3, 4] = torch.nan
    assert int(coarsened(matrix, size, size).isnan().sum()) == 1


@given(matrices)
def test_the_largest_is_that_of_the_finite_ones(matrix: np.ndarray) -> None:
    finite = np.abs(matrix[np.isfinite(matrix)])
    assert largest(torch.from_numpy(matrix)) == (finite.max() if finite.size else 0)


def test_nothing_has_no_largest() -> None:
    assert largest(torch.empty(3, 0)) == 0
    assert largest(torch.full((2, 2), torch.nan)) == 0
