from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from weightdesk.errors import RunFormatError, StepNotKeptError
from weightdesk.runs import Store, open_run, open_store
from weightdesk.runs.door import list_names, reading

FIRST = "snapshots/00000000.safetensors"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("two\nlines  of it"), "a/file is damaged: two lines of it; expected a picture"),
        (pa.ArrowInvalid("x" * 500), rf"a/file is damaged: {'x' * 200}…; expected"),
        (OSError("no such host"), "a/file cannot be read: no such host;"),
        (PermissionError(13, "Permission denied"), "a/file cannot be read: Permission denied;"),
        (MemoryError(), "a/file is damaged: MemoryError;"),
    ],
)
def test_whatever_goes_wrong_names_the_file(error: Exception, words: str) -> None:
    with (
        pytest.raises(RunFormatError, match=words) as caught,
        reading(open_store("memory://a"), "file", "a picture"),
    ):
        raise error
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [FileNotFoundError("gone"), StepNotKeptError("no such step")])
def test_what_is_missing_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error)), reading(open_store("memory://a"), "file", "a picture"):
        raise error


def make_fifo(path: Path, outside: Path) -> None:
    os.mkfifo(path)


def make_folder(path: Path, outside: Path) -> None:
    path.mkdir()


def make_socket(path: Path, outside: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(os.path.relpath(path))  # a socket's name is short


def link_to_device(path: Path, outside: Path) -> None:
    path.symlink_to("/dev/zero")


def link_to_itself(path: Path, outside: Path) -> None:
    path.symlink_to(path.name)


def link_out(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


ODD = [make_fifo, make_folder, make_socket, link_to_device, link_to_itself, link_out]


@pytest.mark.parametrize("make", ODD)
@pytest.mark.parametrize("name", ["run.json", FIRST, "metrics"])
def test_only_regular_files_inside_the_run_are_read(
    record: Callable[..., Store],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path, Path], None],
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    store = record()
    if name == "metrics":
        name = store.names("metrics")[0]
    path = Path(store.location, name)
    path.rename(tmp_path / "outside")
    make(path, tmp_path / "outside")
    with (
        pytest.raises(RunFormatError, match=rf"{path.name}.* (is a|cannot be read)") as caught,
        reading(store, name, "a file of the run"),
    ):
        raise AssertionError("it was let in")
    assert "\n" not in str(caught.value)


def test_a_folder_that_leads_out_of_the_run_is_refused(record: Callable[..., Store], tmp_path: Path) -> None:
    store = record()
    shutil.move(Path(store.location, "snapshots"), tmp_path / "elsewhere")
    Path(store.location, "snapshots").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunFormatError, match=r"safetensors is a link that leads out of the run; copy"):
        open_run(store.location).weights("fc.weight", 0)


def test_links_inside_the_run_and_to_the_run_are_followed(
    record: Callable[..., Store], tmp_path: Path
) -> None:
    store = record()
    original = Path(store.location, FIRST)
    original.rename(original.with_name("elsewhere"))
    original.symlink_to("elsewhere")
    (tmp_path / "link").symlink_to(store.location)
    for place in (store.location, tmp_path / "link"):
        assert open_run(place).weights("fc.weight", 0).shape == (3, 4)


def test_a_folder_that_cannot_be_looked_into_is_named(
    record: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = record()

    def refuse(folder: str) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(store, "names", refuse)
    with pytest.raises(RunFormatError, match=r"metrics cannot be looked into: Permission denied; expected"):
        list_names(store, "metrics")
