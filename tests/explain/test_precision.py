from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.explain.precision import rounding, ulp


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_single_precision_agrees_with_numpy(value: float) -> None:
    if abs(value) < np.finfo(np.float32).max:
        assert ulp(value, torch.float32) == abs(np.spacing(np.float32(value)))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_double_precision_agrees_with_the_standard_library(value: float) -> None:
    assert ulp(value, torch.float64) == math.ulp(value)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_agrees_with_the_next_number(dtype: torch.dtype) -> None:
    for value in (1.0, 3.5, -0.0625, 100.0):
        ends = torch.tensor([abs(value), math.inf], dtype=dtype)
        following = torch.nextafter(ends[0], ends[1])
        assert ulp(value, dtype) == (following.double() - ends[0].double()).item()


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=500))
def test_two_orders_of_a_sum_differ_by_rounding_alone(values: list[float]) -> None:
    summands = torch.tensor(values, dtype=torch.float32)
    forth, back = summands.cumsum(0)[-1].item(), summands.flip(0).cumsum(0)[-1].item()
    size = summands.abs().sum().item()
    assert abs(forth - back) <= rounding(size, torch.float32)
    assert rounding(size, torch.float32) < 2e-4 * size or size == 0
