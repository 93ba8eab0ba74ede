from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from weightdesk.errors import RunNotFoundError
from weightdesk.runs import Store, find_runs, open_run
from weightdesk.runs.listing import folder_size, summarise

Spoil: TypeAlias = Callable[[Store, pytest.MonkeyPatch], None]


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


def make_unreadable(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object, *_: object, **__: object) -> os.stat_result:
        if str(path) == f"{store.location}/run.json":
            raise PermissionError(13, "Permission denied", str(path))
        return lstat(path)  # type: ignore[arg-type]

    lstat = os.lstat
    monkeypatch.setattr("weightdesk.runs.door.os.lstat", refuse)


def make_lease_unreadable(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    change(status="running")(store, monkeypatch)

    def refuse(self: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("weightdesk.runs.stores.local.LocalStore.is_held", refuse)


def make_fifo(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(store.location, "run.json").unlink()
    os.mkfifo(Path(store.location, "run.json"))


def write(name: str, content: bytes) -> Spoil:
    def write(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        store.write(name, lambda path: path.write_bytes(content))

    return write


def change(**fields: Any) -> Spoil:
    def change(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        content = json.loads(store.read("run.json")) | fields
        store.write("run.json", lambda path: path.write_text(json.dumps(content)))

    return change


@pytest.mark.parametrize(
    "spoil",
    [
        *(make_unreadable, make_lease_unreadable, make_fifo, write("run.json", b"[" * 100_000)),
        *(write("metrics/part-00000001-00000001.parquet", b"PAR1"), change(model="x"), change(recipe=[1])),
        *(change(parent=[1]), change(created=3), change(last_step="x")),
    ],
)
def test_a_bad_run_hides_no_other(
    record: Callable[..., Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Spoil
) -> None:
    record(tmp_path / "good")
    spoil(record(tmp_path / "bad"), monkeypatch)
    good, bad = find_runs(tmp_path)
    assert (good.path, good.status) == (str(tmp_path / "good"), "finished")
    assert (bad.path, bad.status) == (str(tmp_path / "bad"), "damaged")
    assert str(tmp_path / "bad") in str(bad.error)
    assert "\n" not in str(bad.error)


@pytest.mark.parametrize("name", ["²", "00000099999999999999", "4", "000000000004", "00000005.partial.x"])
def test_a_file_with_an_odd_name_is_no_snapshot(record: Callable[..., Store], name: str) -> None:
    store = record()
    content = store.read("snapshots/00000004.safetensors")
    store.write(f"snapshots/{name}.safetensors", lambda path: path.write_bytes(content))
    assert open_run(store.location).steps == (0, 4, 8, 10)
    assert summarise(store.location).last_step == 10


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunNotFoundError, match=r"no folder .*nowhere; expected one with runs"):
        find_runs(tmp_path / "nowhere")
