from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from measured_run import measured_run

from weightdesk import open_run
from weightdesk.runs import Run
from weightdesk.runs.manifest import write_manifest
from weightdesk.runs.parts import PartWriter
from weightdesk.runs.stores import open_store
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
    check_rows(recorded, measured_run(), kind)


def check_rows(recorded: Recorded, run: Run, kind: str) -> None:
    for name in run.parameters:
        rows = recorded.of(kind, name)
        for column in COLUMNS[kind]:
            expected = run.series(name, kind, column)
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


def test_the_last_measured_step_is_the_nearest_one_before(recorded: Recorded) -> None:
    steps = measured_run().series(next(iter(measured_run().parameters)), "gradient").steps.tolist()
    assert recorded.last("gradient", 4) == 4
    assert recorded.last("gradient", 10**6) == max(steps)
    assert recorded.last("gradient", -1) is None


@pytest.fixture
def growing(tmp_path: Path) -> tuple[Run, PartWriter, Iterator[pa.Table]]:
    """The same run, of which nothing is written yet, its writer, and the rows of one step after the other."""
    whole, store = measured_run().statistics, open_store(tmp_path)
    write_manifest(store, measured_run().manifest)
    bounds = np.flatnonzero(np.diff(whole.column("step").to_numpy(), prepend=-1)).tolist()
    rows = (whole[start:stop] for start, stop in zip(bounds, [*bounds[1:], whole.num_rows], strict=True))
    return open_run(tmp_path), PartWriter(store, "statistics", fan_in=3), rows


def test_of_a_run_that_grows_each_part_is_read_once_however_it_is_merged(
    growing: tuple[Run, PartWriter, Iterator[pa.Table]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, writer, rows = growing
    session, looks, reads = Session(run), iter(range(99)), list[str]()
    original = statistics._Growing._rows
    monkeypatch.setattr(statistics, "_version", lambda _: (next(looks), "running"))
    monkeypatch.setattr(
        statistics._Growing, "_rows", lambda self, part: reads.append(part.name) or original(self, part)
    )
    for number, each in enumerate(rows):
        writer.append(each)
        writer.merge()
        if number % 3 != 1:  # now and then one look for two flushes, of which one is merged already
            known, recorded = len(reads), Recorded(session)
            for kind in COLUMNS:
                check_rows(recorded, run, kind)
            assert len(reads) - known <= 2
    check_rows(Recorded(session), run, "weight")
    seen = [*reads]
    writer.close()
    check_rows(Recorded(session), run, "weight")
    assert reads == seen, "what was known already was read again"
    assert len(seen) == len({*seen})


def test_what_gets_too_long_while_it_grows_is_read_by_parameter(
    growing: tuple[Run, PartWriter, Iterator[pa.Table]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, writer, rows = growing
    session, looks = Session(run), iter(range(99))
    monkeypatch.setattr(statistics, "_version", lambda _: (next(looks), "running"))
    first = next(rows)
    monkeypatch.setattr(statistics, "MOST", first.num_rows)
    writer.append(first)
    assert Recorded(session)._whole is not None
    writer.append(next(rows))
    assert Recorded(session)._whole is None
    check_rows(Recorded(session), run, "update")
