"""Data of a run are found again by name and content, and nothing else is opened."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from weightdesk.errors import DataError, OptionError
from weightdesk.training.data.finding import find_data
from weightdesk.training.data.source import Source, content_hash

TABLE = "a,b,y\n" + "\n".join(f"{i},{i % 7},{i % 2}" for i in range(20))


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """As a run stores it that learned from a table; the table itself is away."""
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "wine.csv").write_text(TABLE)
    (tmp_path / "project" / "runs" / "wine").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    digest = content_hash(Source(kind="table", path=str(tmp_path / "away" / "wine.csv")))
    return Source(kind="table", path="data/wine.csv", target="y", content_hash=digest)


def run_of(folder: Path) -> str:
    return str(folder / "project" / "runs" / "wine")


@pytest.mark.parametrize(
    "place",
    [
        "elsewhere/data/wine.csv", "elsewhere/wine.csv",
        "project/runs/wine/wine.csv", "project/runs/wine.csv",
        "project/data/wine.csv", "project/wine.csv",
    ],
)  # fmt: skip
def test_it_is_found_below_the_working_directory_and_beside_the_run(
    source: Source, tmp_path: Path, place: str
) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    shutil.copy(tmp_path / "away" / "wine.csv", tmp_path / place)
    assert find_data(source, run_of(tmp_path)) == replace(source, path=str(tmp_path / place))


def test_otherwise_the_error_names_the_option(source: Source, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"was trained on wine.csv, which lies neither .* name it with --data"
    ):
        find_data(source, run_of(tmp_path))
    named = str(tmp_path / "away" / "wine.csv")
    assert find_data(source, run_of(tmp_path), named) == replace(source, path=named)
    assert find_data(source, "s3://bucket/run", named).path == named


def test_other_content_is_not_taken(source: Source, tmp_path: Path) -> None:
    changed = tmp_path / "elsewhere" / "wine.csv"
    changed.write_text(TABLE + "\n1,2,0")
    with pytest.raises(DataError, match=r"wine.csv has changed since the run was made"):
        find_data(source, run_of(tmp_path))
    with pytest.raises(DataError, match=r"--data: .* is not what the run was trained on"):
        find_data(source, run_of(tmp_path), "wine.csv")
    with pytest.raises(DataError, match="--data: no file or folder"):
        find_data(source, run_of(tmp_path), "nowhere.csv")
    shutil.copy(tmp_path / "away" / "wine.csv", tmp_path / "project" / "wine.csv")
    assert find_data(source, run_of(tmp_path)).path == str(tmp_path / "project" / "wine.csv")


@pytest.mark.parametrize(
    "path",
    [
        "/dev/zero",
        "/dev/stdin",
        "../away/wine.csv",
        "{away}/wine.csv",
        "~/wine.csv",
        "a\0b",
        "",
        ".",
        "s3://a",
    ],
)
def test_no_path_that_a_run_names_is_opened(source: Source, tmp_path: Path, path: str) -> None:
    stored = replace(source, path=path.format(away=tmp_path / "away"))
    with pytest.raises(DataError, match="name it with --data"):
        find_data(stored, run_of(tmp_path))


def test_without_a_digest_nothing_is_taken_for_it(source: Source, tmp_path: Path) -> None:
    shutil.copy(tmp_path / "away" / "wine.csv", tmp_path / "elsewhere" / "wine.csv")
    with pytest.raises(DataError):
        find_data(replace(source, content_hash=None), run_of(tmp_path))
    assert find_data(replace(source, content_hash=None), run_of(tmp_path), "wine.csv").path.endswith(
        "wine.csv"
    )


def test_links_out_of_the_runs_folder_pipes_and_files_without_end_are_left(
    source: Source, tmp_path: Path
) -> None:
    run = Path(run_of(tmp_path))
    (run / "wine.csv").symlink_to(tmp_path / "away" / "wine.csv")
    os.mkfifo(run.parent / "wine.csv")
    (tmp_path / "project" / "wine.csv").touch()
    os.truncate(tmp_path / "project" / "wine.csv", 1 << 42)
    (run / "data").mkdir()
    (run / "data" / "wine.csv").mkdir()
    (run / "data" / "wine.csv" / "train.csv").symlink_to(tmp_path / "away" / "wine.csv")
    with pytest.raises(DataError, match="name it with --data"):
        find_data(source, str(run))


def test_a_built_in_set_has_no_file(tmp_path: Path) -> None:
    hostile = Source(kind="digits", path="/dev/zero", content_hash="0" * 64)
    assert find_data(hostile, str(tmp_path)) == Source(kind="digits")
    with pytest.raises(OptionError, match="built-in digits"):
        find_data(hostile, str(tmp_path), "wine.csv")


def test_devices_are_never_read_to_their_end() -> None:
    with pytest.raises(DataError, match="is no file or folder"):
        content_hash(Source(kind="arrays", path="/dev/zero"))
