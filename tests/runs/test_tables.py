from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_run import statistics_rows

from weightdesk.errors import RunFormatError
from weightdesk.runs.format import METRICS_COLUMNS, STATISTICS_SCHEMA
from weightdesk.runs.parts import PartWriter, list_parts
from weightdesk.runs.stores import open_store
from weightdesk.runs.tables import PartReader, read_parts

METRICS = pa.schema(METRICS_COLUMNS)


def test_metrics_may_come_and_go() -> None:
    store = open_store("memory://come-and-go")
    writer = PartWriter(store, "metrics")
    writer.append(pa.table({"step": [0], "time": [0.0], "loss": [2.0]}))
    writer.append(
        pa.table({"step": [1], "time": [0.1], "accuracy": [0.5], "loss": pa.nulls(1, pa.float64())})
    )
    writer.append(pa.table({"step": [2], "time": [0.2], "lr": pa.nulls(1)}))
    for _ in range(2):
        table = read_parts(store, "metrics", METRICS)
        assert table.column_names == ["step", "time", "loss", "accuracy", "lr"]
        assert table.column("loss").to_pylist() == [2.0, None, None]
        assert table.column("accuracy").to_pylist() == [None, 0.5, None]
        writer.close()


def test_a_table_without_parts_has_its_columns() -> None:
    table = read_parts(open_store("memory://no-parts"), "metrics", METRICS)
    assert table.schema == METRICS
    assert table.num_rows == 0


def test_reads_only_the_wanted_columns() -> None:
    store = open_store("memory://wanted")
    PartWriter(store, "statistics").append(statistics_rows(range(3)))
    where = {"parameter": "fc.bias", "kind": "update"}
    table = read_parts(store, "statistics", STATISTICS_SCHEMA, columns=["step", "rms"], where=where)
    assert table.column_names == ["step", "rms"]
    assert table.to_pylist() == [{"step": step, "rms": step + 0.5} for step in range(3)]


def test_an_empty_part_is_no_trouble() -> None:
    store = open_store("memory://empty-part")
    writer = PartWriter(store, "statistics")
    writer.append(STATISTICS_SCHEMA.empty_table())
    reader = PartReader(store, "statistics")
    assert reader.last_step() in (None, 0)
    writer.append(statistics_rows(range(3)))
    assert reader.read(STATISTICS_SCHEMA, where={"kind": "update"}).num_rows == 6
    assert reader.last_step() == 2


@settings(max_examples=30, deadline=None)
@given(
    kind=st.sampled_from(["weight", "update", "activation"]),
    parameter=st.sampled_from(["fc.weight", "fc.bias", "a", "z"]),
    step=st.none() | st.integers(-1, 12),
    merged=st.booleans(),
)
def test_where_keeps_the_rows_that_a_filter_keeps(
    kind: str, parameter: str, step: int | None, merged: bool
) -> None:
    store = open_store("memory://where")
    for name in store.names("statistics"):
        store.delete(name)
    writer = PartWriter(store, "statistics")
    for first in range(0, 12, 4):
        writer.append(statistics_rows(range(first, first + 4)))
    if merged:
        writer.close()
    where = {"kind": kind, "parameter": parameter} | ({} if step is None else {"step": step})
    found = read_parts(store, "statistics", STATISTICS_SCHEMA, where=where).to_pylist()
    every = read_parts(store, "statistics", STATISTICS_SCHEMA).to_pylist()
    assert found == [row for row in every if all(row[key] == value for key, value in where.items())]


def test_skips_row_groups_without_the_wanted_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weightdesk.runs.parts._ROW_GROUP", 8)
    store = open_store("memory://skips")
    writer = PartWriter(store, "statistics")
    for first in range(0, 16, 4):
        writer.append(statistics_rows(range(first, first + 4)))
    writer.close()
    reader = PartReader(store, "statistics")
    assert reader.read(STATISTICS_SCHEMA, where={"kind": "update", "parameter": "fc.bias"}).num_rows == 16
    (footer,) = reader._footers.values()
    assert footer.metadata.num_row_groups == 12
    assert footer.groups({"kind": "update", "parameter": "fc.bias"}) == [4, 5]  # kinds in alphabetical order


def test_the_last_step_is_read_from_the_footers() -> None:
    store = open_store("memory://last-step")
    assert PartReader(store, "metrics").last_step() is None
    PartWriter(store, "metrics").append(pa.table({"step": [3, 9]}))
    PartWriter(store, "metrics", rank=1).append(pa.table({"step": [11]}))
    reader = PartReader(store, "metrics")
    assert reader.last_step() == 11
    assert reader.is_sharded()


def test_follows_a_writer_that_merges_under_it(monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store("memory://under-it")
    writer = PartWriter(store, "metrics", fan_in=2)
    writer.append(pa.table({"step": [0]}))
    writer.append(pa.table({"step": [1]}))
    before = list_parts(store, "metrics")
    listings = iter([before, before])

    def listing(*_: object) -> object:
        writer.merge()
        return next(listings, None) or list_parts(store, "metrics")

    monkeypatch.setattr("weightdesk.runs.tables.list_parts", listing)
    assert read_parts(store, "metrics", METRICS).column("step").to_pylist() == [0, 1]
    monkeypatch.setattr("weightdesk.runs.tables.list_parts", lambda *_: before)
    with pytest.raises(RunFormatError, match="vanish while they are read"):
        read_parts(store, "metrics", METRICS)
    assert PartReader(store, "metrics").last_step() is None


WRITER = """
import sys
import pyarrow as pa
from weightdesk.runs.parts import PartWriter
from weightdesk.runs.stores import open_store

writer = PartWriter(open_store(sys.argv[1]), "metrics", fan_in=3)
print("ready", flush=True)
for step in range(400):
    writer.append(pa.table({"step": [step], "loss": [step / 8]}))
    writer.merge()
writer.close()
"""


def test_reads_while_another_process_writes_and_merges(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    store, seen = open_store(tmp_path), 0
    reader = PartReader(store, "metrics")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        while writer.poll() is None:
            steps = sorted(reader.read(METRICS).column("step").to_pylist())
            assert steps == list(range(len(steps)))
            assert len(steps) >= seen
            seen = len(steps)
    assert writer.returncode == 0
    assert reader.read(METRICS).num_rows == 400
    assert len(list_parts(store, "metrics")) == 1


KILLED = WRITER.replace("range(400)", "range(10**9)")


def test_a_writer_killed_at_any_moment_leaves_a_readable_table(tmp_path: Path) -> None:
    for trial in range(3):
        folder = tmp_path / str(trial)
        with subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            try:
                writer.wait(random.Random(trial).uniform(0.02, 0.2))
            except subprocess.TimeoutExpired:
                writer.kill()
        steps = sorted(read_parts(open_store(folder), "metrics", METRICS).column("step").to_pylist())
        assert steps == list(range(len(steps)))
