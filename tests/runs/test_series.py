from __future__ import annotations

import math

import pytest
import torch
from small_run import statistics_rows

from weightdesk.errors import OptionError
from weightdesk.runs.parts import PartWriter
from weightdesk.runs.series import read_series
from weightdesk.runs.stores import open_store
from weightdesk.runs.tables import PartReader

SIZES = {"fc.weight": 12, "fc.bias": 3}


@pytest.mark.parametrize("merged", [False, True])
def test_one_number_at_every_step(merged: bool) -> None:
    store = open_store(f"memory://series-{merged}")
    writer = PartWriter(store, "statistics")
    for first in (3, 0, 6):  # parts need not come in order
        writer.append(statistics_rows(range(first, first + 3)))
    if merged:
        writer.close()
    series = read_series(PartReader(store, "statistics"), SIZES, "fc.bias", "gradient", "rms")
    assert series.steps.tolist() == list(range(9))
    assert series.values.tolist() == [step + 0.5 for step in range(9)]
    assert series.values.dtype == torch.float64


def test_ranks_are_put_together() -> None:
    store = open_store("memory://series-ranks")
    for rank in range(3):
        PartWriter(store, "statistics", rank=rank).append(statistics_rows(range(4 + rank), ranks=3))
    series = read_series(PartReader(store, "statistics"), SIZES, "fc.weight", "update", "update_ratio")
    assert series.steps.tolist() == [0, 1, 2, 3]
    assert series.values.tolist() == [1.0] * 4
    counts = read_series(PartReader(store, "statistics"), SIZES, "fc.weight", "weight", "count")
    assert counts.values.tolist() == [12.0] * 4


def test_null_is_nan() -> None:
    store = open_store("memory://series-null")
    PartWriter(store, "statistics").append(statistics_rows(range(2)))
    series = read_series(PartReader(store, "statistics"), SIZES, "fc.bias", "weight", "sign_flips")
    assert all(map(math.isnan, series.values.tolist()))


@pytest.mark.parametrize(
    ("kind", "column", "words"),
    [
        ("weights", "rms", "no statistics of kind 'weights'; did you mean weight?"),
        ("weight", "mena", "no numbers 'mena' in the statistics; did you mean mean?"),
        ("weight", "histogram_bin", "no numbers 'histogram_bin'"),
    ],
)
def test_unknown_words_are_answered_with_the_closest(kind: str, column: str, words: str) -> None:
    reader = PartReader(open_store("memory://series-none"), "statistics")
    with pytest.raises(OptionError, match=words):
        read_series(reader, SIZES, "fc.bias", kind, column)
