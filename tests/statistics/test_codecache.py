"""Code that is kept between processes comes back whole or not at all."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.statistics import codecache
from weightdesk.statistics.codecache import cache_folders, find_code, keep_code

CODE = bytes(range(256)) * 40


def test_the_first_folder_that_takes_it_has_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    folders = [Path("/proc/none"), tmp_path / "file", tmp_path / "file" / "below", tmp_path / "cache"]
    assert find_code(folders, "code.o") is None
    keep_code(folders, "code.o", CODE)
    assert find_code(folders, "code.o") == CODE
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["cache", "code.o", "file"]
    keep_code(folders[:3], "code.o", CODE)  # nobody takes it, and nobody minds


@given(st.integers(0, len(CODE) + 31), st.integers(1, 255))
def test_one_wrong_byte_is_noticed(place: int, change: int) -> None:
    content = bytearray(_kept())
    content[place] ^= change
    folder = Path(os.environ["WEIGHTDESK_TEST_CACHE"])
    (folder / "code.o").write_bytes(content)
    assert find_code([folder], "code.o") is None
    (folder / "code.o").write_bytes(content[:place])
    assert find_code([folder], "code.o") is None


def _kept() -> bytes:
    folder = Path(os.environ["WEIGHTDESK_TEST_CACHE"])
    keep_code([folder], "code.o", CODE)
    return (folder / "code.o").read_bytes()


@pytest.fixture(autouse=True)
def _folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIGHTDESK_TEST_CACHE", str(tmp_path_factory.mktemp("cache")))


def test_a_damaged_file_before_a_whole_one_is_passed_over(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    keep_code([first], "code.o", CODE)
    keep_code([second], "code.o", CODE)
    (first / "code.o").write_bytes(b"")
    assert find_code([first, second], "code.o") == CODE


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    keep_code([tmp_path], "code.o", CODE)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_goes_after_an_hour(tmp_path: Path) -> None:
    old, new, other = (
        tmp_path / name for name in (".code.o.00000000", ".code.o.00000001", ".other.o.00000000")
    )
    for path in (old, new, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (time.time() - 4000, time.time() - 4000))
    keep_code([tmp_path], "code.o", CODE)
    assert sorted(path.name for path in tmp_path.iterdir()) == [new.name, other.name, "code.o"]


def test_readers_beside_writers_see_whole_files(tmp_path: Path) -> None:
    keep_code([tmp_path], "code.o", CODE)
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            keep_code([tmp_path], "code.o", CODE)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        assert [find_code([tmp_path], "code.o") for _ in range(200)] == [CODE] * 200
    finally:
        ended.set()
        for writer in writers:
            writer.join()


def test_a_fifo_is_no_code(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "code.o")
    assert find_code([tmp_path], "code.o") is None


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"XDG_CACHE_HOME": "/cache", "HOME": "/home/me"}, Path("/cache/weightdesk")),
        ({"XDG_CACHE_HOME": "cache", "HOME": "/home/me"}, Path("/home/me/.cache/weightdesk")),
        ({"XDG_CACHE_HOME": "", "HOME": "/home/me"}, Path("/home/me/.cache/weightdesk")),
        ({"HOME": "/home/me"}, Path("/home/me/.cache/weightdesk")),
        ({}, None),
    ],
)
def test_the_cache_is_where_the_user_has_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: Path | None
) -> None:
    for name in ("XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("pwd.getpwuid", lambda _user: {}[0])
    assert cache_folders() == [
        Path(codecache.__file__).with_name("__pycache__"),
        *([expected] if expected else []),
    ]
