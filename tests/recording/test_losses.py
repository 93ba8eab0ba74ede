"""The formulas of losses in NumPy give what torch gives."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from weightdesk.recording.passes.losses import sigmoid, softmax
from weightdesk.recording.passes.table import log_sum, numbers_of

ROWS = arrays.arrays(
    np.float64,
    arrays.array_shapes(min_dims=2, max_dims=2, max_side=7),
    elements=st.floats(-1e4, 1e4) | st.sampled_from([0.0, -0.0, 750.0, -750.0]),
)


@given(ROWS)
def test_the_formulas_are_those_of_torch(rows: np.ndarray) -> None:
    tensor = torch.from_numpy(rows)
    np.testing.assert_allclose(softmax(rows), tensor.softmax(1).numpy(), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(sigmoid(rows), tensor.sigmoid().numpy(), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(log_sum(rows), tensor.logsumexp(1).numpy(), rtol=1e-12, atol=1e-12)


@given(st.lists(st.sampled_from([1.0, -1e308, np.inf, -np.inf, np.nan]), min_size=1, max_size=5))
def test_a_log_of_sums_passes_on_what_is_no_number(row: list[float]) -> None:
    ours = log_sum(np.array([row]))
    assert np.array_equal(ours, torch.tensor([row], dtype=torch.float64).logsumexp(1).numpy(), equal_nan=True)


def test_numbers_of_every_kind_are_read() -> None:
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64, torch.bool):
        tensor = torch.tensor([[0, 1], [1, 0]]).to(dtype)
        assert numbers_of(tensor).tolist() == [[0.0, 1.0], [1.0, 0.0]]
        assert numbers_of(tensor).dtype == np.float64
