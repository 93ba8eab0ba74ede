"""The drawn sweep: the curve falls where the loss does, the weight is marked, estimates carry their error."""

from __future__ import annotations

import io
import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from terminal.test_turnpage import TURNED, drawn

from weightdesk.terminal.sweepplot import sweep_facts, sweep_plot
from weightdesk.terminal.turned import Swept

SWEPT = Swept(
    weight="fc.weight[3,17]",
    value=1.0,
    loss=0.25,
    slope=-0.5,
    slope_error=0.0,
    values=(-1.0, 0.0, 1.0, 2.0, 3.0),
    losses=(2.25, 1.0, 0.25, 0.0, 0.25),
    errors=(0.0,) * 5,
    exact=(True,) * 5,
    accuracy=(),
    lowest_value=2.0,
    lowest_loss=0.0,
    lowest_error=0.0,
    notes=("5 values",),
)


def lines(swept: Swept, width: int = 60) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(sweep_plot(swept, width))
    return console.file.getvalue().splitlines()


def test_the_curve_falls_to_the_lowest_point_and_the_weight_is_marked() -> None:
    legend, *frame, ends = lines(SWEPT)
    assert "now 1.00: 0.250" in legend
    assert ends.split() == ["-1.00", "1.00", "3.00"]
    assert frame[0].lstrip().startswith("2.25 ┤")
    marked = [line.index("•") for line in frame if "•" in line]
    assert marked
    assert abs(marked[0] - (10 + 50 // 2)) <= 1
    assert frame[-2].rstrip()[-1] not in "┤│"


def test_a_weight_outside_of_the_values_is_not_drawn_in_them() -> None:
    assert not any("•" in line for line in lines(replace(SWEPT, value=7.0))[1:])


def test_estimates_carry_their_error() -> None:
    said = sweep_facts(replace(SWEPT, slope_error=0.125, lowest_error=0.5)).plain
    assert said == "slope -0.5 ± 0.125; lowest at 2.00: 0 ± 0.500; 5 values"
    assert "±" not in sweep_facts(SWEPT).plain
    assert "lowest" not in sweep_facts(replace(SWEPT, lowest_value=None)).plain


def test_narrow_losses_are_told_apart_on_the_axis() -> None:
    _, *frame, _ = lines(replace(SWEPT, losses=(1.1801, 1.1802, 1.1803, 1.1804, 1.1805)))
    labels = [line.split("┤")[0].strip() for line in frame if "┤" in line]
    assert len({*labels}) == 3


def test_the_page_of_turns_has_it() -> None:
    page = drawn(replace(TURNED, sweeps=(SWEPT,)))
    assert "Loss along fc.weight[3,17]" in page
    assert "Examples" in page
    assert "Examples" not in drawn(replace(TURNED, turns=(), sweeps=(SWEPT,)))


@given(st.lists(st.floats(), min_size=1, max_size=9), st.floats(), st.integers(30, 100))
def test_any_numbers_fit(losses: list[float], value: float, width: int) -> None:
    values = tuple(float(each) for each in range(len(losses)))
    found = lines(replace(SWEPT, values=values, losses=tuple(losses), value=value), width)
    assert all(len(line) <= width for line in found)


def test_one_value_is_a_frame() -> None:
    assert lines(replace(SWEPT, values=(0.5, math.nan), losses=(1.0, math.nan)))
