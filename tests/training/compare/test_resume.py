"""What an interrupted comparison removes before it trains a member again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from weightdesk.errors import RunExistsError
from weightdesk.training import Recipe, train
from weightdesk.training.compare.resume import is_done

RECIPE = Recipe.create("xor", steps=3)


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    """A member whose training was interrupted, with files of the user beside it."""
    folder = tmp_path / "member"
    train(RECIPE, folder)
    content = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(content | {"status": "interrupted"}))
    (folder / "notes.txt").write_text("mine")
    (folder / "snapshots" / "mine.safetensors").write_text("mine")
    return folder


def test_files_of_the_user_stay(unfinished: Path) -> None:
    assert not is_done(unfinished, RECIPE)
    files = [str(path.relative_to(unfinished)) for path in unfinished.rglob("*") if path.is_file()]
    assert sorted(files) == [".lease", "notes.txt", "snapshots/mine.safetensors"]
    train(RECIPE, unfinished)
    assert is_done(unfinished, RECIPE)
    assert (unfinished / "notes.txt").read_text() == "mine"


def test_a_member_that_is_a_link_is_refused(unfinished: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(unfinished)
    before = sorted(unfinished.rglob("*"))
    with pytest.raises(RunExistsError, match="link is a link"):
        is_done(tmp_path / "link", RECIPE)
    assert sorted(unfinished.rglob("*")) == before


def test_a_file_in_place_of_a_member_is_refused(tmp_path: Path) -> None:
    (tmp_path / "member").write_text("mine")
    with pytest.raises(RunExistsError, match="member is a file"):
        is_done(tmp_path / "member", RECIPE)
    assert not is_done(tmp_path / "member" / "below", RECIPE)
    assert (tmp_path / "member").read_text() == "mine"
