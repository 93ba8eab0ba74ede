from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from weightdesk.errors import RunNotFoundError
from weightdesk.runs import Store, find_runs
from weightdesk.runs.listing import folder_size, summarise


def test_lists_runs_at_any_depth_and_damaged_ones_last(record: Callable[..., Store], tmp_path: Path) -> None:
    record(tmp_path / "b", recipe={"data": {"kind": "digits", "path": None}})
    record(tmp_path / "a" / "deep")
    record(tmp_path / ".hidden" / "c")
    (tmp_path / "0-broken").mkdir()
    (tmp_path / "0-broken" / "run.json").write_text("{")
    found = find_runs(tmp_path)
    assert [Path(each.path).relative_to(tmp_path).as_posix() for each in found] == ["a/deep", "b", "0-broken"]
    assert [each.status for each in found] == ["finished", "finished", "damaged"]
    assert [each.recipe for each in found] == [None, "digits", None]
    assert "0-broken/run.json is damaged" in str(found[2].error)


def test_a_summary_says_what_came_out(record: Callable[..., Store]) -> None:
    store = record()
    summary = summarise(store.location)
    assert (summary.model, summary.weights, summary.last_step) == ("Net", 15, 10)
    assert list(summary.metrics) == ["loss", "accuracy"]
    assert summary.metrics["accuracy"] == 0.75
    assert math.isnan(summary.metrics["loss"])
    files = [path for path in Path(store.location).rglob("*") if path.is_file()]
    assert summary.size == sum(path.stat().st_size for path in files)
    assert summary.error is None


def test_a_run_with_a_damaged_table_is_damaged(record: Callable[..., Store]) -> None:
    store = record()
    store.write(store.names("metrics")[0], lambda path: path.write_bytes(b""))
    assert summarise(store.location).status == "damaged"


def test_a_run_is_found_when_asked_for_itself(record: Callable[..., Store]) -> None:
    store = record()
    assert [each.path for each in find_runs(store.location)] == [store.location]


def test_a_file_that_goes_while_it_is_counted_counts_nothing(
    record: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = record()
    before, (gone, *_) = folder_size(store), store.names("snapshots")
    size, listed = store.size(gone), store.names
    monkeypatch.setattr(store, "names", lambda folder: [*listed(folder), "snapshots/gone"])
    assert folder_size(store) == before
    assert size > 0


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunNotFoundError, match=r"no folder .*nowhere; expected one with runs"):
        find_runs(tmp_path / "nowhere")
