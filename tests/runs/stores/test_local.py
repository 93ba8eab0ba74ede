from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_contract import RUN, StoreContract

from weightdesk.errors import OptionError, RunExistsError, RunFormatError, RunNotFoundError
from weightdesk.runs.format import FOLDERS
from weightdesk.runs.stores import LocalStore, Store, local, open_store
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


def small_run(folder: Path) -> LocalStore:
    for name, content in RUN.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return LocalStore(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_clearing_removes_what_a_killed_process_left_and_empty_folders(tmp_path: Path) -> None:
    store = small_run(tmp_path / "run")
    for name in ("snapshots/.00000000.safetensors.00c0ffee", ".run.json.12345678"):
        (tmp_path / "run" / name).write_bytes(b"half")
    (tmp_path / "run" / "metrics" / ".gitignore").write_text("*")
    store.clear()
    assert sorted(path.name for path in (tmp_path / "run").rglob("*")) == [".gitignore", "metrics"]


def test_clearing_keeps_an_empty_folder_of_somebody_who_has_no_run(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    LocalStore(tmp_path).clear()
    assert (tmp_path / "metrics").is_dir()


@pytest.mark.parametrize(
    "name", ["snapshots", "capture", "snapshots/00000000.safetensors", "run.json", ".lease"]
)
def test_a_link_inside_a_run_is_neither_followed_nor_replaced(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    small_run(outside)
    (outside / ".lease").touch()
    store = small_run(tmp_path / "run")
    link = tmp_path / "run" / name
    if link.is_dir():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    link.symlink_to(outside / name)
    before = contents(outside), contents(tmp_path / "run")
    inside = "snapshots/00000000.safetensors" if name == "snapshots" else name
    inside = f"{name}/probes-0123456789abcdef.safetensors" if name == "capture" else inside
    with pytest.raises(RunExistsError, match=f"{name} is a link"):
        store.clear()
    with pytest.raises(RunExistsError, match=f"{name} is a link"):
        store.hold()
    with pytest.raises(RunExistsError, match=f"{name} is a link"):
        store.write(inside, lambda path: path.write_bytes(b"new"))
    if inside != name:
        with pytest.raises(RunExistsError, match=f"{name} is a link"):
            store.delete(inside)
    assert link.is_symlink()
    assert (contents(outside), contents(tmp_path / "run")) == before


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "run")
    (tmp_path / "run").mkdir()
    for name in ("run.json", "metrics", ".lease"):
        link = tmp_path / "run" / name
        link.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(RunExistsError, match=f"{name} is a link"):
            store.hold()
        link.unlink()
    assert not (tmp_path / "elsewhere").exists()


def test_the_folder_of_a_run_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "disk")
    store = small_run(tmp_path / "run")
    release = store.hold()
    store.clear()
    release()
    assert (tmp_path / "run").is_symlink()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == [".lease"]


@pytest.mark.parametrize("name", ["run.json", "metrics/part-00000001-00000064.parquet", ".lease"])
def test_a_fifo_blocks_nobody(tmp_path: Path, name: str) -> None:
    store = small_run(tmp_path)
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    assert not store.exists(name)
    assert name not in store.names(name.rpartition("/")[0])
    assert not store.is_held()
    for ask in (store.read, store.open_parquet, lambda name: store.read_range(name, 0, 1)):
        with pytest.raises(RunFormatError, match="is a FIFO"):
            ask(name)
    for change in (store.hold, store.clear, lambda: store.write(name, lambda path: path.touch())):
        with pytest.raises(RunExistsError, match="is a FIFO"):
            change()


def test_reads_through_links_to_files_and_not_to_devices(tmp_path: Path) -> None:
    store = small_run(tmp_path / "run")
    (tmp_path / "blob").write_bytes(b"rows")
    for name, target in (("a", tmp_path / "blob"), ("b", "/dev/zero"), ("c", "c"), ("d", "/nowhere")):
        (tmp_path / "run" / "metrics" / name).symlink_to(target)
    assert store.read("metrics/a") == b"rows"
    assert [name for name in store.names("metrics") if "part" not in name] == ["metrics/a"]
    with pytest.raises(RunFormatError, match="is a device"):
        store.read("metrics/b")


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    store = small_run(tmp_path)
    shutil.rmtree(tmp_path / "metrics")
    (tmp_path / "metrics").write_text("mine")
    assert store.names("metrics") == []
    with pytest.raises(RunExistsError, match="metrics is a file"):
        store.clear()
    assert (tmp_path / "metrics").read_text() == "mine"


FILES = st.from_regex(r"[a-z]{1,3}(\.[a-z]{1,3})?", fullmatch=True)


@given(st.sets(st.tuples(st.sampled_from(["", "mine", *FOLDERS]), FILES), max_size=12))
def test_whatever_lies_beside_a_run_stays(files: set[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        store, folder = small_run(Path(place)), Path(place)
        for inside, file in files:
            path = folder / inside / file
            if not any(parent.is_file() for parent in path.parents) and not path.is_dir():
                path.parent.mkdir(exist_ok=True)
                path.write_text(f"{inside}/{file}")
        before = contents(folder)
        store.clear()
        assert contents(folder) == {name: text for name, text in before.items() if name not in RUN}


@pytest.mark.parametrize(
    "place", ["~nobody-of-this-name/run", "a" * 300, "x/" * 3000, "nul\0inside", "surrogate\ud800"]
)
def test_an_impossible_place_is_refused_in_one_line(place: str) -> None:
    with pytest.raises((RunNotFoundError, OptionError)) as caught:
        open_store(place)
    assert len(str(caught.value).encode().splitlines()) == 1
    assert len(str(caught.value)) < 200


def test_without_a_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", lambda _user: {}[0])
    with pytest.raises(OptionError, match="~/run: this machine knows no home folder"):
        open_store("~/run")
    assert open_store("runs/mine").location == "runs/mine"


def test_a_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file" / "run", tmp_path / "file", Path("/proc/run")):
        with pytest.raises(OptionError, match="no run can be kept in"):
            LocalStore(place).hold()
        assert LocalStore(place).names("") == []
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_address_is_a_local_folder(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/run")
    assert isinstance(store, LocalStore)
    assert store.location == str(tmp_path / "run")
