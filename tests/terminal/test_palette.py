from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.terminal.palette import NEGATIVE, NOT_FINITE, POSITIVE, ZERO, colours


def test_the_ends_and_what_lies_beyond_them() -> None:
    drawn = colours(np.array([-9.0, -1.0, 0.0, 1.0, 9.0, np.nan, np.inf]), scale=1.0)
    expected = [NEGATIVE, NEGATIVE, ZERO, POSITIVE, POSITIVE, NOT_FINITE, NOT_FINITE]
    assert [tuple(each) for each in drawn.tolist()] == expected


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_larger_weight_is_farther_from_the_colour_of_zero(one: float, other: float) -> None:
    drawn = colours(np.array(sorted([one, other])), scale=1.0).astype(int)
    near, far = np.abs(drawn - np.array(ZERO)).sum(axis=1)
    assert near <= far


def test_weights_that_are_all_zero_have_the_colour_of_zero() -> None:
    assert colours(np.zeros((2, 2)), scale=0.0).tolist() == [[list(ZERO)] * 2] * 2
