from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from weightdesk.terminal.curves import Curve, Panel
from weightdesk.terminal.plot import Axis, column_means, plot

values = st.floats(allow_nan=True, allow_infinity=True, width=32)


def panel(training: list[float], held_out: list[float] | None = None, is_share: bool = False) -> Panel:
    def curve(name: str, numbers: list[float]) -> Curve:
        return Curve(name, np.arange(len(numbers), dtype=float), np.array(numbers))

    return Panel(
        "loss",
        curve("loss", training) if training else None,
        None if held_out is None else curve("val_loss", held_out),
        is_share,
    )


def lines(drawn: Panel, width: int = 40, height: int = 6) -> list[str]:
    return plot(drawn, width, height, drawn.last_step).plain.split("\n")


def test_a_falling_loss_falls() -> None:
    legend, *frame, _, _ = lines(panel([8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]))
    assert legend.strip() == "⠒⠒ loss 1.00"
    first = [line[10:].find(next((each for each in line[10:] if each != " "), "?")) for line in frame]
    assert first == sorted(first)
    assert frame[0].split()[0] == "8.00"
    assert frame[-1].split()[0] == "1.00"


def test_held_out_points_lie_where_they_were_measured() -> None:
    _, *frame, _, _ = lines(panel([], [0.0, 1.0, 0.5]), width=21, height=5)
    points = [(row, line[10:].find("•")) for row, line in enumerate(frame) if "•" in line]
    assert points == [(0, 5), (2, 10), (4, 0)]


def test_shares_are_labelled_as_percentages() -> None:
    assert lines(panel([0.25, 1.0], is_share=True))[1].startswith("    100% ┤")


def test_wide_ranges_are_drawn_on_a_logarithmic_scale() -> None:
    legend, first, *_ = lines(panel([100.0, 1.0, 0.01]))
    assert "log scale" in legend
    assert first.startswith("     100 ┤")
    assert Axis.over(np.array([-1.0, 1000.0])).log is False


def test_what_is_not_finite_is_said_and_leaves_a_gap() -> None:
    legend, *frame, _, _ = lines(panel([1.0, np.nan, 1.0, 2.0]), width=30)
    assert "not finite from step 1" in legend
    assert any(line[10:].strip() for line in frame)
    assert np.isnan(column_means(panel([1.0, np.nan, 1.0]).curves[0], 2.0, 3)[1])


def test_nothing_but_nan_is_an_empty_frame() -> None:
    legend, *frame, _, _ = lines(panel([np.nan, np.nan]))
    assert "loss NaN" in legend
    assert all(not line[10:].strip() for line in frame)


def test_a_single_step_is_drawn() -> None:
    frame = lines(panel([2.0], [2.0]))
    assert any("•" in line for line in frame)
    assert frame[-1].endswith("step 1")


@example([3.2500000348962816e16, 3.370500066849587e16], [], 24, 3)
@given(
    st.lists(values, min_size=1, max_size=50),
    st.lists(values, max_size=9),
    st.integers(24, 120),
    st.integers(3, 12),
)
def test_any_curve_fits_into_its_frame(
    training: list[float], held_out: list[float], width: int, height: int
) -> None:
    drawn = panel(training, held_out or None)
    _, *frame = lines(drawn, width, height)
    assert len(frame) == height + 2
    assert all(len(line) <= width for line in frame)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40))
def test_means_of_columns_stay_between_the_extremes(numbers: list[float]) -> None:
    curve = panel(numbers).curves[0]
    means = column_means(curve, len(numbers) - 1, 16)
    assert np.nanmin(means) >= min(numbers) - 1e-6
    assert np.nanmax(means) <= max(numbers) + 1e-6


def test_means_are_those_of_the_values_in_a_column() -> None:
    curve = Curve("loss", np.arange(8.0), np.array([1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0]))
    assert column_means(curve, 7.0, 2) == pytest.approx([4.0, 12.0])
