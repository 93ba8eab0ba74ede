from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from store_contract import StoreContract

from weightdesk.runs.stores import LocalStore, Store, local
from weightdesk.runs.stores.heartbeat import Heartbeat


class TestLocalStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return LocalStore(tmp_path / "run")

    def again(self, store: Store) -> Store:
        return LocalStore(Path(store.location))


def test_leaves_no_temporary_file_after_a_failure(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with pytest.raises(ZeroDivisionError):
        store.write("a", lambda path: path.write_bytes(b"half") / 0)  # type: ignore[operator]
    assert list(tmp_path.iterdir()) == []


def test_files_have_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    LocalStore(tmp_path).write("kept", lambda path: path.touch())
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "kept")]
    assert modes[0] == modes[1]


def test_reads_on_where_the_kernel_gives_less_than_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(bytes(range(50)))
    read = os.read
    monkeypatch.setattr(os, "read", lambda file, length: read(file, min(length, 7)))
    assert LocalStore(tmp_path).read_range("a", 3, 40) == bytes(range(3, 43))
    assert LocalStore(tmp_path).read_range("a", 40, 40) == bytes(range(40, 50))


def test_beats_where_there_are_no_file_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local.sys, "platform", "win32")
    store = LocalStore(tmp_path)
    assert isinstance(store._lease, Heartbeat)
    release = store.hold()
    assert store.is_held()
    release()
    assert not store.is_held()


def test_a_home_folder_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert LocalStore(Path("~/run")).location == str(tmp_path / "run")
