from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from weightdesk.terminal.bars import bar, decades

positive = st.floats(1e-30, 1e30)


@given(st.lists(positive, min_size=1))
def test_the_scale_holds_every_value(values: list[float]) -> None:
    low, high = decades(values) or (0.0, 0.0)
    assert low * (1 - 1e-9) <= min(values)
    assert max(values) <= high * (1 + 1e-9)
    assert high > low


@given(positive, positive)
def test_a_larger_value_has_no_shorter_bar(one: float, other: float) -> None:
    scale = decades([one, other])
    filled = [sum(" ▏▎▍▌▋▊▉█".index(each) for each in bar(value, scale, 8)) for value in sorted([one, other])]
    assert filled[0] <= filled[1] <= 64
    assert filled[0] > 0


def test_what_is_not_a_positive_number_has_no_bar() -> None:
    assert decades([None, 0.0, math.nan, math.inf]) is None
    assert [bar(value, (0.1, 1.0), 4) for value in (None, 0.0, math.nan, math.inf)] == [""] * 4
    assert bar(1.0, None, 4) == ""
