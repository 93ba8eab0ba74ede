from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.errors import StepNotKeptError
from weightdesk.runs.steps import choose_step

KEPT = (0, 1, 2, 4, 8)


@pytest.mark.parametrize(("asked", "step"), [(0, 0), (4, 4), (-1, 8), (-5, 0), (np.int64(2), 2)])
def test_chooses(asked: int, step: int) -> None:
    assert choose_step(asked, KEPT, "snapshot") == step


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (3, "no snapshot at step 3; nearest kept: 2 and 4"),
        (9, "no snapshot at step 9; nearest kept: 8"),
        (-6, "no snapshot at step -6; 5 are kept, so -5 is the first"),
    ],
)
def test_names_the_nearest(asked: int, words: str) -> None:
    with pytest.raises(StepNotKeptError, match=words):
        choose_step(asked, KEPT, "snapshot")


def test_below_the_first_one() -> None:
    with pytest.raises(StepNotKeptError, match=r"nearest kept: 5$"):
        choose_step(3, (5, 6), "snapshot")


@pytest.mark.parametrize("asked", [0, -1])
def test_nothing_kept(asked: int) -> None:
    with pytest.raises(StepNotKeptError, match=r"no gradient of w at step .*; the run keeps none"):
        choose_step(asked, (), "gradient of w")


@given(st.sets(st.integers(0, 50), min_size=1), st.integers(0, 60))
def test_finds_what_is_there_and_only_that(kept: set[int], asked: int) -> None:
    ordered = sorted(kept)
    if asked in kept:
        assert choose_step(asked, ordered, "snapshot") == asked
    else:
        with pytest.raises(StepNotKeptError):
            choose_step(asked, ordered, "snapshot")
