from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
import torch

from weightdesk.errors import DataError, OptionError
from weightdesk.training import Recipe, prepare, rebuild
from weightdesk.training.data import find_source
from weightdesk.training.data.table_file import load

ROWS = [("A good film.", 1, "x"), ("a bad film", 0, "y"), ("good, good", 1, "x"), ("so bad", 0, "z")]


@pytest.fixture
def write(tmp_path: Path):
    def to(name: str = "reviews.csv", rows=ROWS, header: str = "review,grade,source") -> Path:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        tab = "\t" if name.endswith("tsv") else ","
        lines = [header.replace(",", tab)] * bool(header)
        lines += [tab.join((f'"{row[0]}"', *map(str, row[1:]))) for row in rows]
        file.write_text("\n".join(lines) + "\n")
        return file

    return to


def words(found, place: int) -> list[str]:
    return [found.tokens[number] for number in found.inputs[place].tolist() if number]


def test_a_column_of_texts_becomes_rows_of_numbers(write) -> None:
    found = load(write(), "grade", text="review")
    assert found.inputs.shape == (4, 4)
    assert words(found, 0) == ["a", "good", "film", "."]
    assert words(found, 2) == ["good", ",", "good"]
    assert (found.class_names, found.targets.tolist()) == (("0", "1"), [1, 0, 1, 0])
    assert found.feature_names == ()


def test_other_columns_may_hold_anything(write) -> None:
    rows = [*ROWS, ("fine", 1, "")]
    assert len(load(write(rows=rows), "grade", text="review")) == 5
    with pytest.raises(DataError, match="column 'source' has a missing value in row 5"):
        load(write(rows=rows), "grade")


def test_texts_may_have_paragraphs(write) -> None:
    assert words(load(write(rows=[("good\n\nfilm", 1, "x"), *ROWS]), "grade", text="review"), 0) == [
        "good", "film",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["reviews.csv", "reviews.tsv"])
def test_without_a_header_columns_are_called_by_their_numbers(write, name: str) -> None:
    found = load(write(name, header=""), "2", text="1")
    assert len(found) == 4
    assert words(found, 0) == ["a", "good", "film", "."]
    with pytest.raises(DataError, match="it has no column '7': choose from 1, 2, 3"):
        load(write(name, header=""), "7", text="1")


def test_a_header_of_numbers_is_a_header(write) -> None:
    assert len(load(write(header="1,2,3"), "2", text="1")) == 4


def test_numbers_without_a_header_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("1.5,0\n2.5,1\n3.5,0\n4.5,1\n")
    found = load(tmp_path / "t.csv", "2")
    assert found.inputs.tolist() == [[1.5], [2.5], [3.5], [4.5]]


@pytest.mark.parametrize(
    ("target", "text", "said"),
    [
        ("grade", "reviw", "no column 'reviw': did you mean review"),
        ("grad", "review", "no column 'grad': did you mean grade"),
        (None, "review", "name the column to predict with --target"),
        ("review", "grade", "column 'grade' holds int64, no texts; name another with --text"),
        ("grade", "grade", "no column besides 'grade'"),
    ],
)
def test_wrong_columns_are_named(write, target: str | None, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        load(write(), target, text=text)


def test_a_missing_text_is_an_error(write) -> None:
    with pytest.raises(DataError, match="column 'review' has a missing value in row 5"):
        load(write(rows=[*ROWS, ("", 1, "x")]), "grade", text="review")


def test_a_folder_has_its_own_test_data(write, tmp_path: Path) -> None:
    write("set/train.csv")
    write("set/test.csv", rows=[("a zebra film", 1, "x")])
    write("set/dev.csv", rows=[("never read", 1, "x")])
    folder = tmp_path / "set"
    assert find_source(folder)[0] == "table"
    found = load(folder, "grade", text="review")
    assert (len(found), found.given_test) == (5, 1)
    assert words(found, 4) == ["a", "zebra", "film"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("", 1, "x"), r"test.csv: column 'review' has a missing value in row 1"),
        (("fine", "good", "x"), "train and test do not fit together"),
    ],
)
def test_test_data_must_be_like_those_of_the_training(write, tmp_path: Path, row, said: str) -> None:
    write("set/train.csv")
    write("set/test.csv", rows=[row])
    with pytest.raises(DataError, match=said):
        load(tmp_path / "set", "grade", text="review")


def test_a_folder_without_test_data_has_train_alone(write, tmp_path: Path) -> None:
    write("set/train.csv")
    assert load(tmp_path / "set", "grade", text="review").given_test == 0


def test_parquet_texts(tmp_path: Path) -> None:
    table = pa.table({"text": pa.array(["good", "bad"] * 3).dictionary_encode(), "y": [1.5, 2.5] * 3})
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    found = load(tmp_path / "t.parquet", "y", text="text")
    assert (found.task, found.targets[0].tolist(), words(found, 1)) == ("regression", [1.5], ["bad"])


def test_the_kind_follows_from_the_option(write) -> None:
    file = write(rows=ROWS * 10)
    recipe = Recipe.create(file, target="grade", text="review", steps=2)
    assert (recipe.data.kind, recipe.network) == ("texts", "textcnn")
    assert Recipe.create(file, target="grade").data.kind == "table"
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    with pytest.raises(OptionError, match="--network mlp takes no texts"):
        prepare(recipe.changed(network="mlp"))


def test_the_network_is_made_again_without_the_data(write) -> None:
    file = write(rows=ROWS * 10)
    prepared = prepare(Recipe.create(file, target="grade", text="review", steps=2))
    stored = json.loads(json.dumps(prepared.stored))
    file.unlink()
    again = rebuild(stored)
    assert set(stored["dataset"]["tokens"][2:]) == {"good", "bad", "film", ",", ".", "a", "so"}
    for one, other in zip(prepared.model.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_amounts_are_predicted_of_texts_and_standardised(write) -> None:
    file = write(rows=[(f"{'very ' * (k % 7)}good", k % 7 + 0.5, "x") for k in range(70)])
    prepared = prepare(Recipe.create(file, target="grade", text="review", steps=2))
    assert set(prepared.stored["standardisation"]) == {"targets"}
    assert prepared.measure("test")["mae"] > 0
