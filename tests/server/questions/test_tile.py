from __future__ import annotations

import numpy as np
import pytest

from weightdesk.errors import IndexRangeError
from weightdesk.runs import Run
from weightdesk.server.questions import tile
from weightdesk.server.questions.tile import TileQuestion
from weightdesk.server.session import Session

NAME = "hidden1.weight"


def test_tiles_are_parts_of_the_matrix(
    digits_run: Run, digits_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile, "SIDE", 10)
    rows = [
        np.hstack(
            [
                TileQuestion(parameter=NAME, step=6, row=row, column=column).answer(digits_session).values
                for column in range(7)
            ]
        )
        for row in range(2)
    ]
    assert (np.vstack(rows) == digits_run.weights(NAME, 6).numpy()).all()


def test_the_coarsest_level_is_the_largest_weight(digits_run: Run, digits_session: Session) -> None:
    first = TileQuestion(parameter=NAME, step=6).answer(digits_session)
    top = TileQuestion(parameter=NAME, step=6, level=first.levels - 1).answer(digits_session)
    assert abs(top.values.item()) == first.largest == float(digits_run.weights(NAME, 6).abs().max())


def test_turns_are_seen(digits_session: Session) -> None:
    turned = TileQuestion(parameter=NAME, step=6, turns=(f"{NAME}[0,0]=9",)).answer(digits_session)
    assert turned.largest == turned.values[0, 0] == 9


def test_a_level_beyond_the_last_is_refused(digits_session: Session) -> None:
    with pytest.raises(IndexRangeError, match="has levels 0 to 6, got 40"):
        TileQuestion(parameter=NAME, step=6, level=40).answer(digits_session)
