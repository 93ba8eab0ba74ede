"""Paths that are told to others say nothing of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.paths import is_portable, portable_path


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("wine.csv", "wine.csv"),
        ("data/wine.csv", "data/wine.csv"),
        ("/home/ada/secret/wine.csv", "wine.csv"),
        ("../secret/wine.csv", "wine.csv"),
        ("data/../../secret/wine.csv", "wine.csv"),
        ("~/secret/wine.csv", "wine.csv"),
        ("~nobody-here/secret/wine.csv", "wine.csv"),
        (r"C:\Users\ada\wine.csv", "wine.csv"),
        ("C:/Users/ada/wine.csv", "wine.csv"),
        (r"\\server\share\wine.csv", "wine.csv"),
        ("file:///home/ada/wine.csv", "wine.csv"),
        ("s3://bucket/run", "s3://bucket/run"),
        ("s3://key:secret@bucket/run", "s3://bucket/run"),
        ("https://host/run?token=secret#part", "https://host/run"),
    ],
)
def test_only_what_others_can_use_is_told(path: str, told: str) -> None:
    assert portable_path(path) == told
    assert portable_path(told) == told


def test_below_the_working_directory_a_path_is_told_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert portable_path(str(tmp_path / "data" / "wine.csv")) == "data/wine.csv"
    assert portable_path(str(tmp_path)) == tmp_path.name
    assert portable_path(str(tmp_path.parent / "wine.csv")) == "wine.csv"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert portable_path("~/data/wine.csv") == "data/wine.csv"


@given(st.lists(st.sampled_from(["..", ".", "", "a", "b c", "~", "C:", "\\", "file:"]), max_size=6))
def test_nothing_leads_out_of_the_folder_it_starts_in(parts: list[str]) -> None:
    told = portable_path("/".join(parts))
    assert not told.startswith(("/", "~"))
    assert ".." not in told.split("/")
    assert not is_portable(told) or not Path(told).is_absolute()


@pytest.mark.parametrize("path", ["", "/dev/zero", "..", "a/../..", "~/a", "s3://a/b", "C:/a", "a\0b"])
def test_what_is_not_portable(path: str) -> None:
    assert not is_portable(path)
