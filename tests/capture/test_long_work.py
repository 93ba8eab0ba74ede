"""Long work says how far it is, in order, and what its listener raises stops it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.capture.progress import followed, part, silent


@given(st.lists(st.integers(), max_size=20))
def test_everything_is_gone_through_and_the_shares_rise_from_0_to_1(items: list[int]) -> None:
    shares: list[float] = []
    assert list(followed(iter(items), "items", lambda _what, share: shares.append(share))) == items
    assert shares == [number / max(len(items), 1) for number in range(len(items) + 1)]


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_part_lies_between_its_ends(start: float, end: float, share: float) -> None:
    told: list[float] = []
    part(lambda _what, value: told.append(value), min(start, end), max(start, end))("work", share)
    assert min(start, end) - 1e-12 <= told[0] <= max(start, end) + 1e-12


def test_what_the_listener_raises_reaches_the_caller() -> None:
    done = []

    def stop(_what: str, share: float) -> None:
        if share >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        done.extend(each for each in followed(range(4), "items", stop))
    silent("nothing", 1.0)
