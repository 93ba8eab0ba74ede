from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.server.paths import without_folders

FOLDERS = st.lists(st.from_regex(r"[A-Za-z0-9_][\w.-]{0,8}", fullmatch=True), min_size=1, max_size=4)
START = st.sampled_from(["/", "C:\\", "D:/", "~/", "~ann/", "file:///", "\\\\server\\"])


@given(
    START,
    FOLDERS,
    st.sampled_from([("", ""), ("'", "'"), ("(", ")"), ("=", " "), ("at ", ": no"), ('"', '"')]),
)
def test_the_last_part_alone_is_left(start: str, folders: list[str], around: tuple[str, str]) -> None:
    path = start + ("\\" if "\\" in start else "/").join(folders)
    assert without_folders(f"x {around[0]}{path}{around[1]} y") == f"x {around[0]}{folders[-1]}{around[1]} y"


@given(st.lists(st.from_regex(r"[a-z][a-z ]{0,8}[a-z]", fullmatch=True), min_size=2, max_size=4))
def test_folders_with_spaces_go_where_the_path_is_known_or_quoted(folders: list[str]) -> None:
    path = "/" + "/".join(folders)
    assert without_folders(f"at {path} there", [path]) == f"at {folders[-1]} there"
    assert without_folders(f"at '{path}' there") == f"at '{folders[-1]}' there"


@pytest.mark.parametrize(
    "text",
    [
        "1/2 of w/o and/or",
        "s3://bucket/run at step 3",
        "memory://run",
        "block/0/weight is NaN",
        "runs/digits at step 4",
        "learning rate 0.1 → 0.01",
        "",
    ],
)
def test_what_names_no_folder_of_this_machine_stays(text: str) -> None:
    assert without_folders(text, [".", ""]) == text


def test_of_the_run_only_its_name_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = f"killed. {tmp_path}/part. and {tmp_path}"
    found = without_folders(text, ["."])
    assert re.sub(tmp_path.name, "NAME", found) == "killed. NAME/part. and NAME"
