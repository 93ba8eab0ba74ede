from __future__ import annotations

import os
from pathlib import Path

import pytest

from weightdesk.errors import RunExistsError
from weightdesk.runs.wholefile import write_whole


def test_a_write_that_fails_keeps_what_was_there(tmp_path: Path) -> None:
    def fail(place: Path) -> None:
        place.write_text("half")
        raise OSError(28, "No space left on device")

    (tmp_path / "a").write_text("old")
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "a", fail)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]


def test_neither_links_nor_fifos_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    os.mkfifo(tmp_path / "fifo")
    for name in ("link", "fifo"):
        with pytest.raises(RunExistsError, match=f"{name} is a"):
            write_whole(tmp_path / name, lambda place: place.write_text("new"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "fifo").is_fifo()
    assert (tmp_path / "target").read_text() == "old"


def test_a_file_of_the_name_of_a_manifest_is_one_like_any_other(tmp_path: Path) -> None:
    write_whole(tmp_path / "run.json", lambda place: place.write_text("mine"))
    write_whole(tmp_path / "run.json", lambda place: place.write_text("again"))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("run.json", "again")]
