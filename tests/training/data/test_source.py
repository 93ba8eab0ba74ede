from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from weightdesk.errors import DataError, OptionError
from weightdesk.training.data import Source, content_hash, find_source, load
from weightdesk.training.preparation import prepare
from weightdesk.training.recipe import Recipe


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text("x,y\n" + "".join(f"{k},{k % 2}\n" for k in range(40)))
    return file


def test_a_kind_is_found_out(tmp_path, table):
    np.savez(tmp_path / "arrays.npz", x=np.zeros((2, 2)))
    (tmp_path / "idx").mkdir()
    (tmp_path / "idx" / "train-labels-idx1-ubyte.gz").touch()
    (tmp_path / "pictures" / "cats").mkdir(parents=True)
    kinds = [find_source(tmp_path / name)[0] for name in ("table.csv", "arrays.npz", "idx", "pictures")]
    assert kinds == ["table", "arrays", "idx", "images"]
    assert find_source("xor") == ("xor", "")


def test_a_path_is_kept_whole(table, monkeypatch):
    monkeypatch.chdir(table.parent)
    assert find_source("table.csv")[1] == str(table)


@pytest.mark.parametrize("name", ["empty", "note.txt"])
def test_what_cannot_be_read_is_named(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "note.txt").touch()
    with pytest.raises(DataError, match=r"none of the data that can be read: a table \(.csv"):
        find_source(tmp_path / name)


def test_unknown_names_and_missing_files_are_told_apart():
    with pytest.raises(OptionError, match="did you mean mixdown"):
        find_source("mixdwn")
    with pytest.raises(DataError, match="no file or folder at"):
        find_source(Path("no") / "where")


def test_a_changed_file_is_noticed(table):
    recipe = prepare(Recipe.create(table, target="y")).recipe
    assert recipe.data.content_hash == content_hash(recipe.data)
    prepare(recipe)
    table.write_text(table.read_text().replace("39,1", "39,0"))
    with pytest.raises(DataError, match="has changed since the run was made"):
        load(recipe.data)


def test_a_lost_file_is_named(table):
    recipe = prepare(Recipe.create(table, target="y")).recipe
    table.unlink()
    with pytest.raises(DataError, match="cannot read"):
        load(recipe.data)


def test_a_folders_hash_knows_names_and_content(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1").write_text("x")
    source = Source(kind="images", path=str(tmp_path))
    first = content_hash(source)
    assert content_hash(source) == first
    (tmp_path / "a" / "1").rename(tmp_path / "a" / "2")
    renamed = content_hash(source)
    (tmp_path / "a" / "2").write_text("y")
    assert len({first, renamed, content_hash(source)}) == 3
    assert content_hash(Source(kind="digits")) is None


def test_an_unknown_kind_is_refused():
    with pytest.raises(OptionError, match="--kind has no value 'sound'"):
        Source(kind="sound")


def test_hidden_separators_do_not_confuse_names(tmp_path):
    with pytest.raises(DataError, match="no file"):
        find_source(f"{tmp_path}{os.sep}digits")
