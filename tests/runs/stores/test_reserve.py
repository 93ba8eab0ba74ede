"""On a full disk a run still says how it ended."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from weightdesk import open_run, watch
from weightdesk.runs.stores import LocalStore
from weightdesk.runs.stores.reserve import Reserve, write_in_place

FULL = OSError(28, "No space left on device")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "run")


def filler(text: str, room: Callable[[Path], bool]) -> Callable[[Path], object]:
    """Writes a text if there is room for it."""

    def fill(path: Path) -> None:
        if not room(path):
            path.write_text(text[:10])
            raise FULL
        path.write_text(text)

    return fill


def test_room_is_kept_while_a_run_is_written(store: LocalStore, tmp_path: Path) -> None:
    lease = tmp_path / "run" / ".lease"
    store.write("run.json", filler("x" * 700, lambda _path: True))
    assert not lease.exists()
    release = store.hold()
    store.write("run.json", filler("x" * 700, lambda _path: True))
    assert lease.stat().st_size >= 700 + 1000
    assert lease.stat().st_blocks * 512 >= lease.stat().st_size
    release()
    assert lease.stat().st_size == 0
    assert store.names("") == ["run.json"]


def test_the_room_is_given_back_on_a_full_disk(store: LocalStore, tmp_path: Path) -> None:
    lease = tmp_path / "run" / ".lease"
    release = store.hold()
    store.write("run.json", filler("first", lambda _path: True))
    store.write("run.json", filler("stopped", lambda _path: lease.stat().st_size == 0))
    assert store.read("run.json") == b"stopped"
    release()


def test_the_last_resort_is_to_write_over_the_old_one(store: LocalStore, tmp_path: Path) -> None:
    release = store.hold()
    store.write("run.json", filler("first " * 100, lambda _path: True))
    text = "stopped " * 100
    store.write("run.json", filler(text, lambda path: path.parent != tmp_path / "run"))
    assert store.read("run.json").decode() == text
    assert [path.name for path in sorted((tmp_path / "run").iterdir())] == [".lease", "run.json"]
    release()


def test_what_has_no_room_at_all_leaves_the_old_one(store: LocalStore, tmp_path: Path) -> None:
    release = store.hold()
    store.write("run.json", filler("first", lambda _path: True))
    with pytest.raises(OSError, match="No space left"):
        store.write("run.json", filler("x" * 100_000, lambda path: path.parent != tmp_path / "run"))
    assert store.read("run.json") == b"first"
    with pytest.raises(OSError, match="No space left"):
        store.write("metrics/a", filler("rows", lambda _path: False))
    release()


def test_nobody_else_gives_the_room_back(store: LocalStore, tmp_path: Path) -> None:
    release = store.hold()
    store.write("run.json", filler("first", lambda _path: True))
    other = LocalStore(tmp_path / "run")
    with pytest.raises(OSError, match="No space left"):
        other.write("run.json", filler("mine", lambda _path: False))
    assert (tmp_path / "run" / ".lease").stat().st_size > 0
    release()


def test_taking_room_on_a_full_disk_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "room"
    path.touch()

    def full(*_: object) -> int:
        os.truncate(path, 7)
        raise FULL

    monkeypatch.setattr(Path, "write_bytes", full)
    Reserve(path).take(100)
    assert path.stat().st_size == 0


def test_a_shorter_text_in_place_leaves_nothing_of_the_longer(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a long first version")
    assert write_in_place(tmp_path / "a", lambda path: path.write_text("short")) == 5
    assert (tmp_path / "a").read_text() == "short"


def test_a_training_goes_on_and_its_run_says_why_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, lease = LocalStore._put, tmp_path / "run" / ".lease"

    def full(self: LocalStore, path: Path, fill: Callable[[Path], object], *, must: bool = False) -> int:
        if lease.stat().st_size:
            raise FULL
        return put(self, path, fill, must=must)

    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with watch(model, optimizer, tmp_path / "run", flush=0.01):
            monkeypatch.setattr(LocalStore, "_put", full)
            for _ in range(5):
                optimizer.zero_grad()
                model(torch.ones(1, 2)).sum().backward()
                optimizer.step()
    run = open_run(tmp_path / "run")
    assert run.status == "stopped"
    assert "No space left on device" in (run.manifest.note or "")
    assert torch.isfinite(model.weight).all()
    assert (run.last_step or 0) >= 1
