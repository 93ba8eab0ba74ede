from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.terminal.figures import count, duration, number, shape, share, shorten, since, size


@given(st.floats(-1e300, 1e300))
def test_numbers_are_short_and_within_five_percent(value: float) -> None:
    text = number(value)
    assert len(text) <= 9
    assert float(text) == pytest.approx(value, rel=0.05)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.inf, "∞"), (-math.inf, "-∞"), (math.nan, "NaN"), (None, "–"), (0.0, "0"), (0.00999, "1.0e-2"),
        (999.4, "999"), (999.6, "1.0e3"), (9.996, "10.0"), (0.0995, "0.0995"), (-12.34, "-12.3"),
    ],
)  # fmt: skip
def test_numbers_at_the_borders_of_their_forms(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(999, "999"), (1000, "1.00k"), (9996, "10.0k"), (99_960, "100k"), (None, "–")]
)
def test_counts(value: int | None, text: str) -> None:
    assert count(value) == text


def test_shares_are_percentages_and_exact_at_their_ends() -> None:
    assert [share(each) for each in (0.0, 1.0, 0.9996, math.nan, math.inf)] == [
        "0%",
        "100%",
        "100.0%",
        "NaN",
        "∞",
    ]


def test_sizes_and_shapes() -> None:
    assert (size(999), size(1500), shape((3,))) == ("999 B", "1.50 kB", "3")


@given(st.lists(st.text("ab1", min_size=1, max_size=12), min_size=1).map(".".join), st.integers(8, 40))
def test_a_shortened_name_fits(name: str, width: int) -> None:
    short = shorten(name, width)
    assert len(short) <= width
    assert short == name or len(name) > width


def test_shortened_names_keep_the_numbers_of_layers() -> None:
    names = [f"encoder.layers.{layer}.attention.output.dense" for layer in range(12)]
    assert len({shorten(name, 18) for name in names}) == 12


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(hours=5.5), "5 h ago"),
        (timedelta(days=3), "2026-01-28"),
    ],
)
def test_moments(ago: timedelta, text: str) -> None:
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert since((now - ago).isoformat(), now) == text


def test_an_unreadable_moment_is_unknown() -> None:
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert since(None, now) == since("yesterday", now) == "–"


def test_durations() -> None:
    assert [duration(each) for each in (0, 59.9, 60, 7200)] == ["0.0 s", "59.9 s", "1.0 min", "2.0 h"]
