from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weightdesk.runs.format import STATISTICS_SCHEMA
from weightdesk.runs.shards import merge_shards

VALUES = st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, np.nan, np.inf, -np.inf])
SHARDS = st.lists(st.lists(VALUES, min_size=1, max_size=8), min_size=1, max_size=4)


def row(values: Sequence[float], kind: str = "weight", step: int = 0, **more: Any) -> dict[str, Any]:
    """The statistics of the values, straight from their definitions."""
    finite = np.asarray([each for each in values if np.isfinite(each)], np.float64)
    bins, counts = np.unique(np.floor(np.abs(finite)).clip(max=9).astype(np.int16), return_counts=True)
    found = {"step": step, "parameter": "w", "kind": kind, "count": len(values)}
    found |= {"nonfinite": len(values) - len(finite), "zeros": int((finite == 0).sum())}
    found |= {"histogram_bin": bins.tolist(), "histogram_count": counts.tolist()}
    if not len(finite):
        return (
            found | dict.fromkeys(("mean", "std", "rms", "min", "max", "abs_mean", "abs_max"), np.nan) | more
        )
    found |= {"mean": finite.mean(), "std": finite.std(), "rms": np.sqrt((finite**2).mean())}
    found |= {"min": finite.min(), "max": finite.max()}
    return found | {"abs_mean": np.abs(finite).mean(), "abs_max": np.abs(finite).max()} | more


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=STATISTICS_SCHEMA)


@settings(deadline=None)
@given(SHARDS)
def test_shards_together_are_the_whole(shards: list[list[float]]) -> None:
    whole = row([value for shard in shards for value in shard])
    (found,) = merge_shards(table(*map(row, shards)), {"w": whole["count"]}).to_pylist()
    for name, expected in whole.items():
        if name in ("mean", "std", "rms", "abs_mean"):
            scale = np.nan_to_num(whole["abs_max"]) * 1e-9
            assert found[name] == pytest.approx(expected, rel=1e-9, abs=scale, nan_ok=True), name
        else:
            assert np.array_equal(found[name], expected, equal_nan=name in ("min", "max", "abs_max")), name


def test_is_deterministic_in_the_order_of_ranks() -> None:
    rows = [row(np.random.default_rng(seed).normal(size=50)) for seed in range(5)]
    first = merge_shards(table(*rows), {"w": 250})
    assert all(merge_shards(table(*rows), {"w": 250}).equals(first) for _ in range(3))
    assert first.schema == STATISTICS_SCHEMA


def test_a_step_that_some_rank_has_not_written_is_left_out() -> None:
    rows = [row([1.0, 2.0], step=0), row([3.0, 4.0], step=0), row([1.0, 2.0], step=1)]
    assert merge_shards(table(*rows), {"w": 4}).column("step").to_pylist() == [0]


def test_activations_need_a_row_of_every_rank() -> None:
    rows = [row([1.0, 2.0], "activation", step, saturated=0.5) for step in (0, 0, 1)]
    found = merge_shards(table(*rows), {}).to_pylist()
    assert [(each["step"], each["count"], each["saturated"]) for each in found] == [(0, 4, 0.5)]


def test_the_update_ratio_is_that_of_the_whole() -> None:
    weights, updates = ([1.0, 2.0], [3.0, 4.0]), ([0.0, 0.0], [0.5, 0.25])
    rows = [row(each) for each in weights]
    rows += [row(each, "update", update_ratio=9.0, sign_flips=1) for each in updates]
    update, weight = merge_shards(table(*rows), {"w": 4}).to_pylist()
    expected = np.sqrt(0.3125 / 4) / np.sqrt(30 / 4)
    assert update["update_ratio"] == pytest.approx(expected)
    assert update["sign_flips"] == 2
    assert weight["update_ratio"] is weight["sign_flips"] is None


def test_without_weights_the_update_ratio_is_unknown() -> None:
    rows = [row([0.5], "update", update_ratio=9.0), row([0.0], "update", 1), row([0.0], "weight", 1)]
    found = merge_shards(table(*rows), {"w": 1}).column("update_ratio").to_pylist()
    assert found == [None, None, None]


def test_an_empty_table_stays_one() -> None:
    assert merge_shards(STATISTICS_SCHEMA.empty_table(), {"w": 4}).num_rows == 0


def test_missing_histograms_are_empty_ones() -> None:
    rows = [row([1.0]) | {"histogram_bin": None, "histogram_count": None} for _ in range(2)]
    (found,) = merge_shards(table(*rows), {"w": 2}).to_pylist()
    assert found["histogram_bin"] == found["histogram_count"] == []


def test_numbers_too_large_to_square_are_no_trouble() -> None:
    rows = [row([1.0]) | {"rms": 1e200, "mean": 1e200, "std": 0.0} for _ in range(2)]
    (found,) = merge_shards(table(*rows), {"w": 2}).to_pylist()
    assert (found["rms"], found["mean"]) == (np.inf, 1e200)
