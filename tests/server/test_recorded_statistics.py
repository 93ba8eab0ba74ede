from __future__ import annotations

import numpy as np
import pytest
from measured_run import measured_run

from weightdesk.server import statistics
from weightdesk.server.session import Session
from weightdesk.server.statistics import COLUMNS, Recorded


@pytest.fixture(params=["kept in memory", "too many to keep"])
def recorded(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    if request.param == "too many to keep":
        monkeypatch.setattr(statistics, "MOST", 0)
    return Recorded(Session(measured_run()))


@pytest.mark.parametrize("kind", COLUMNS)
def test_rows_are_the_series_of_the_run(recorded: Recorded, kind: str) -> None:
    for name in measured_run().parameters:
        rows = recorded.of(kind, name)
        for column in COLUMNS[kind]:
            expected = measured_run().series(name, kind, column)
            np.testing.assert_array_equal(rows.steps, expected.steps)
            np.testing.assert_array_equal(rows.columns[column], expected.values)


def test_rows_of_a_step_are_those_of_each_parameter(recorded: Recorded) -> None:
    names, rows = recorded.at("gradient", 4)
    assert sorted(names) == sorted(measured_run().parameters)
    for name, value in zip(names, rows.columns["rms"], strict=True):
        mine = recorded.of("gradient", name)
        assert value == mine.columns["rms"][mine.steps.tolist().index(4)]


def test_what_was_not_recorded_has_no_rows(recorded: Recorded) -> None:
    assert not len(recorded.of("update", "nothing").steps)
    assert recorded.at("weight", 999)[0] == []
