"""Files are on the disk when they get their names, and no slow disk holds up whoever writes them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from weightdesk import watch
from weightdesk.runs.stores import LocalStore, flushing

Calls = list[tuple[str, str]]


def name_of(descriptor: int) -> str:
    return Path(f"/proc/self/fd/{descriptor}").readlink().name


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What is flushed, renamed and removed, in order."""
    calls: Calls = []
    replace, unlink = Path.replace, Path.unlink

    def noted(kind: str, call: Callable[..., object]) -> Callable[..., object]:
        def noting(path: Path, *arguments: object, **options: object) -> object:
            calls.append((kind, path.name))
            return call(path, *arguments, **options)

        return noting

    monkeypatch.setattr(os, "fsync", lambda descriptor: calls.append(("flush", name_of(descriptor))))
    monkeypatch.setattr(Path, "replace", noted("rename", replace))
    monkeypatch.setattr(Path, "unlink", noted("remove", unlink))
    return calls


def test_a_file_is_flushed_before_it_gets_its_name(tmp_path: Path, calls: Calls) -> None:
    store = LocalStore(tmp_path)
    for _ in range(3):
        store.write("metrics/a", lambda path: path.write_text("rows"))
    assert [kind for kind, _ in calls] == ["flush", "rename"] * 3
    assert all(name.startswith(".a.") for _, name in calls)


def test_the_last_manifest_is_flushed_with_its_folder(tmp_path: Path, calls: Calls) -> None:
    store = LocalStore(tmp_path / "run")
    for _ in range(2):
        store.write("run.json", lambda path: path.write_text("{}"))
    assert [kind for kind, _ in calls] == ["flush", "rename", "flush", "rename", "flush"]
    assert calls[-1] == ("flush", "run")


def test_what_takes_the_place_of_a_file_is_on_the_disk_before_it_goes(tmp_path: Path, calls: Calls) -> None:
    store = LocalStore(tmp_path)
    for name in "abc":
        store.write(f"metrics/{name}", lambda path: path.write_text("rows"))
    calls.clear()
    for name in "ab":
        store.delete(f"metrics/{name}")
    assert calls == [("flush", "metrics"), ("remove", "a"), ("remove", "b")]


def test_every_file_of_a_recording_is_flushed(tmp_path: Path, calls: Calls) -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", every=1):
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(1, 2)).sum().backward()
            optimizer.step()
    flushed = {name for kind, name in calls if kind == "flush"}
    renamed = [name for kind, name in calls if kind == "rename"]
    assert len(renamed) > 8
    assert set(renamed) <= flushed


class SlowDisk:
    """An `os.fsync` that takes as long as it is told, by the clock that it moves."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.now, self.flushes = seconds, 0.0, 0

    def flush(self, _descriptor: int) -> None:
        self.flushes += 1
        self.now += self.seconds

    def clock(self) -> float:
        return self.now


@pytest.mark.parametrize(("seconds", "every_one"), [(0.005, True), (0.02, True), (0.1, False), (2.0, False)])
def test_flushing_takes_no_more_than_its_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, *, every_one: bool
) -> None:
    disk, later = SlowDisk(seconds), []
    monkeypatch.setattr(os, "fsync", disk.flush)
    monkeypatch.setattr(flushing.time, "monotonic", disk.clock)
    monkeypatch.setattr(flushing, "_flush_later", lambda descriptor: later.append(os.close(descriptor)))
    store = LocalStore(tmp_path)
    for flush in range(100):  # the tables of 100 seconds
        for table in ("metrics", "statistics", "sampled", "passes"):
            store.write(f"{table}/{flush}", lambda path: path.write_text("rows"))
        disk.now += 1.0
    assert disk.flushes + len(later) == 400
    assert (not later) == every_one
    assert disk.flushes * seconds <= 0.25 + 0.1 * disk.now + seconds


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A disk that flushes nothing before the event is set."""
    event = threading.Event()
    monkeypatch.setattr(os, "fsync", lambda _descriptor: event.wait(30))
    yield event
    event.set()
    while (thread := flushing._thread) is not None:
        thread.join(30)


def test_a_large_file_waits_for_no_disk(tmp_path: Path, late: threading.Event) -> None:
    store = LocalStore(tmp_path)
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(20):
        size = store.write(f"snapshots/{number}", lambda path: path.write_bytes(bytes(5 << 20)))
        assert (size, store.size(f"snapshots/{number}")) == (5 << 20, 5 << 20)
    held = len(list(Path("/proc/self/fd").iterdir())) - open_before
    assert held <= flushing._WAITING + 1
    late.set()
    while (thread := flushing._thread) is not None:
        thread.join(30)
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before
    assert len(store.names("snapshots")) == 20


def test_a_forked_process_flushes_nothing_of_its_parent(tmp_path: Path, late: threading.Event) -> None:
    store = LocalStore(tmp_path)
    for number in range(3):
        store.write(f"snapshots/{number}", lambda path: path.write_bytes(bytes(5 << 20)))
    child = os.fork()
    if child == 0:
        os._exit(len(flushing._waiting) + (flushing._thread is not None))
    assert os.waitpid(child, 0)[1] == 0


def test_a_disk_that_does_not_take_the_content_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    store = LocalStore(tmp_path)
    with pytest.raises(OSError, match="Input/output error"):
        store.write("metrics/a", lambda path: path.write_text("rows"))
    assert list((tmp_path / "metrics").iterdir()) == []


def test_a_file_system_that_cannot_flush_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", fail)
    store = LocalStore(tmp_path)
    for _ in range(2):
        store.write("run.json", lambda path: path.write_text("{}"))
    assert store.read("run.json") == b"{}"
