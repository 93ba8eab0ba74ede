"""Bins: their edges, their codes, and quantiles from them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.errors import OptionError
from weightdesk.statistics import bin_edges, bin_of, quantile
from weightdesk.statistics.histogram import sparse

values = st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x != 0)


@given(values)
def test_every_value_lies_in_its_bin(value: float) -> None:
    low, high = bin_edges(int(bin_of(np.array([value]))[0]))
    assert low <= value <= high


@given(values, values)
def test_codes_grow_with_the_values(left: float, right: float) -> None:
    codes = bin_of(np.array([left, right]))
    assert (codes[0] <= codes[1]) or left > right


def test_neighbouring_bins_share_an_edge() -> None:
    for code in range(1, 255):
        assert bin_edges(code)[1] == bin_edges(code + 1)[0]
        assert bin_edges(-code)[0] == bin_edges(-code - 1)[1]


def test_sparse_keeps_counts_and_order() -> None:
    dense = np.zeros((3, 512), np.int64)
    dense[0, [3, 256 + 7]] = 5, 6
    dense[2, 254] = 1
    codes, counts, offsets = sparse(dense)
    assert codes.tolist() == [-8, 4, 255]
    assert counts.tolist() == [6, 5, 1]
    assert offsets.tolist() == [0, 2, 2, 3]


@given(st.lists(values, min_size=1, max_size=50), st.floats(0, 1))
def test_the_true_quantile_lies_within_the_bounds(data: list[float], q: float) -> None:
    codes, counts = np.unique(bin_of(np.array(data)), return_counts=True)
    bins = dict(zip(codes.tolist(), counts.tolist(), strict=True))
    found = quantile(q, bins, 0, min(data), max(data))
    true = sorted(data)[max(1, math.ceil(q * len(data))) - 1]
    assert found.low <= true <= found.high


def test_zeros_are_a_bin_of_their_own() -> None:
    found = quantile(0.5, {-128: 1, 128: 1}, zeros=5, low=-1.5, high=1.5)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_nothing_has_no_quantile() -> None:
    assert math.isnan(quantile(0.5, {}, 0, math.nan, math.nan).value)


def test_a_share_above_one_is_refused() -> None:
    with pytest.raises(OptionError, match=r"between 0 and 1, got 1\.5"):
        quantile(1.5, {}, 0, 0.0, 0.0)
