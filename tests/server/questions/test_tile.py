from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.errors import IndexRangeError
from weightdesk.runs import Run
from weightdesk.server.questions import tile
from weightdesk.server.questions.tile import TileQuestion
from weightdesk.server.session import Session
from weightdesk.statistics.coarsening import coarsened

NAME = "hidden1.weight"
halvings = st.integers(0, 7)


@given(halvings, halvings)
def test_tiles_cover_the_matrix_once(digits_run: Run, down: int, across: int) -> None:
    session, weights = Session(digits_run), digits_run.weights(NAME, 6)
    wanted = coarsened(weights, 2**down, 2**across).numpy()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tile, "SIDE", 10)
        patched.setattr(tile, "_COARSE", 2)
        rows = []
        for row in range(-(-wanted.shape[0] // 10)):
            parts = []
            for column in range(-(-wanted.shape[1] // 10)):
                asked = TileQuestion(parameter=NAME, step=6, down=down, across=across, row=row, column=column)
                parts.append(asked.answer(session).values)
            rows.append(np.hstack(parts))
    assert np.array_equal(np.vstack(rows), wanted)


def test_every_tile_tells_the_largest_weight(digits_run: Run, digits_session: Session) -> None:
    most = float(digits_run.weights(NAME, 6).abs().max())
    coarsest = TileQuestion(parameter=NAME, step=6, down=9, across=9).answer(digits_session)
    assert abs(coarsest.values.item()) == coarsest.largest == most
    assert TileQuestion(parameter=NAME, step=6).answer(digits_session).largest == most


def test_the_largest_is_that_of_the_finite_ones(
    digits_run: Run, digits_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = digits_run.weights(NAME, 6)
    weights[3, 4], weights[9, 60] = torch.nan, torch.inf
    monkeypatch.setattr(Session, "weights", lambda *_: weights)
    found = TileQuestion(parameter=NAME, step=6, down=4, across=5).answer(Session(digits_run))
    assert np.isnan(found.values[0, 0])
    assert np.isposinf(found.values[0, 1])
    assert found.largest == float(weights[weights.isfinite()].abs().max())


def test_turns_are_seen(digits_session: Session) -> None:
    turned = TileQuestion(parameter=NAME, step=6, turns=(f"{NAME}[0,0]=9",)).answer(digits_session)
    assert turned.largest == turned.values[0, 0] == 9


def test_what_has_one_axis_is_one_row(digits_run: Run, digits_session: Session) -> None:
    bias = digits_run.weights("hidden1.bias", 6)
    found = TileQuestion(parameter="hidden1.bias", step=6).answer(digits_session).values
    assert torch.equal(torch.from_numpy(found), bias[None])


def test_a_tile_beside_the_matrix_is_refused(digits_session: Session) -> None:
    beside = TileQuestion(parameter=NAME, step=6, down=1, column=1)
    with pytest.raises(IndexRangeError, match=r"matrix of 16 × 64, and has no tile 0, 1 .* 2 × 1 weights"):
        beside.answer(digits_session)
