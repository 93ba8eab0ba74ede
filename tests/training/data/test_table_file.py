from __future__ import annotations

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet
import pytest

from weightdesk.errors import DataError
from weightdesk.training.data.table_file import load
from weightdesk.training.preparation import prepare
from weightdesk.training.recipe import Recipe

ROWS = [("1.5", "red", "yes"), ("2", "blue", "no"), ("3", "red", "yes"), ("4", "green", "no")]


@pytest.fixture
def csv(tmp_path):
    def write(rows=ROWS, header="size,colour,sold", name="table.csv", separator=","):
        lines = [header, *(separator.join(row) for row in rows)]
        (tmp_path / name).write_text("\n".join(lines).replace(",", separator) + "\n")
        return tmp_path / name

    return write


@pytest.fixture
def parquet(tmp_path):
    def write(**columns):
        pyarrow.parquet.write_table(pa.table(columns), tmp_path / "table.parquet")
        return tmp_path / "table.parquet"

    return write


def test_numbers_stay_and_texts_become_one_hot(csv):
    found = load(csv(), "sold")
    assert found.feature_names == ("size", "colour=blue", "colour=green", "colour=red")
    assert found.inputs.tolist() == [[1.5, 0, 0, 1], [2, 1, 0, 0], [3, 0, 0, 1], [4, 0, 1, 0]]
    assert found.class_names == ("no", "yes")
    assert found.targets.tolist() == [1, 0, 1, 0]


def test_amounts_are_predicted_as_such(csv):
    found = load(csv(), "size")
    assert (found.task, found.target_names) == ("regression", ("size",))
    assert found.targets.tolist() == [[1.5], [2], [3], [4]]


def test_tabs_separate_a_tsv(csv):
    assert load(csv(name="table.tsv", separator="\t"), "sold").input_shape == (4,)


def test_whole_numbers_of_few_values_are_classes_unless_told_otherwise(parquet):
    file = parquet(x=[0.1, 0.2, 0.3, 0.4], grade=[3, 5, 3, 5])
    assert load(file, "grade").class_names == ("3", "5")
    assert load(file, "grade", "regression").targets.tolist() == [[3], [5], [3], [5]]
    many = parquet(x=[float(k) for k in range(50)], age=list(range(50)))
    assert load(many, "age").task == "regression"


def test_parquet_kinds_of_columns(parquet):
    found = load(
        parquet(
            price=[Decimal("1.50"), Decimal("2.00")] * 2,
            new=[True, False, True, True],
            colour=pa.array(["a", "b", "a", "b"]).dictionary_encode(),
            code=["1", "2", "3", "4"],
            good=[True, False, True, False],
        ),
        "good",
    )
    assert found.feature_names == ("price", "new", "colour=a", "colour=b", "code")
    assert found.inputs[1].tolist() == [2, 0, 0, 1, 2]
    assert found.class_names == ("False", "True")


def test_tables_in_several_chunks_are_read_whole(tmp_path):
    table = pa.concat_tables([pa.table({"x": [k], "y": [k % 2]}) for k in range(6)])
    with pyarrow.parquet.ParquetWriter(tmp_path / "t.parquet", table.schema) as writer:
        writer.write_table(table, row_group_size=2)
    assert load(tmp_path / "t.parquet", "y").targets.tolist() == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("rows", "target", "words"),
    [
        (ROWS, None, "name the column to predict with --target: choose from colour, size, sold"),
        (ROWS, "sould", "no column 'sould': did you mean sold"),
        ([*ROWS, ("", "red", "yes")], "sold", "column 'size' has a missing value in row 5; fill it"),
        (
            [("NA", "", "yes"), *ROWS, ("nan", "", "no")],
            "size",
            "'size' has a missing value in row 1 and 1 more",
        ),
        ([*ROWS, ("5", "", "yes")], "sold", "column 'colour' has a missing value in row 5"),
        ([*ROWS, ("5", "red", "")], "sold", "column 'sold' has a missing value in row 5"),
        ([*ROWS, ("big", "red", "yes")], "sold", "'size' has text where numbers are needed: 'big' in row 5"),
        ([*ROWS, ("big", "red", "yes")], "size", "'big' in row 5"),
        (ROWS[::2], "sold", "one class only"),
        ([], "sold", "has a header but no rows"),
        ([(str(k), f"name {k}", "yes") for k in range(60)], "sold", "60 different texts"),
        ([(str(k), "red", f"name {k}") for k in range(6)], "sold", "6 different values in 6 rows"),
    ],
)
def test_bad_tables_are_told_in_one_line(csv, rows, target, words):
    with pytest.raises(DataError, match=words) as raised:
        load(csv(rows), target)
    assert "\n" not in str(raised.value)


def test_text_cannot_be_an_amount(csv):
    with pytest.raises(DataError, match="'sold' has text where numbers are needed: 'yes' in row 1"):
        load(csv(), "sold", "regression")


def test_a_missing_number_in_parquet_may_be_nan_or_null(parquet):
    with pytest.raises(DataError, match="'x' has a missing value in row 2"):
        load(parquet(x=[1.0, float("nan")], y=[0, 1]), "y")
    with pytest.raises(DataError, match="'x' has a missing value in row 1"):
        load(parquet(x=[None, 1], y=[0, 1]), "y")


def test_columns_that_are_neither_numbers_nor_text_are_named(parquet):
    with pytest.raises(DataError, match=r"'day' holds date32.*neither numbers nor text"):
        load(parquet(day=[date(2020, 1, 1)] * 4, y=[0, 1, 0, 1]), "y")


def test_a_table_of_the_target_alone_is_refused(parquet):
    with pytest.raises(DataError, match="no column besides 'y'"):
        load(parquet(y=[0, 1, 0, 1]), "y")


def test_two_columns_of_one_name_are_refused(csv):
    with pytest.raises(DataError, match="two columns of one name"):
        load(csv(header="size,size,sold"), "sold")


@pytest.mark.parametrize("name", ["broken.csv", "broken.parquet"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00\x01,\n\x80", b"a,b\n1\n1,2,3\n"])
def test_an_unreadable_file_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        load(tmp_path / name, "b")


def test_a_table_can_be_trained_on(csv):
    recipe = Recipe.create(csv(ROWS * 10), target="sold", steps=1)
    assert prepare(recipe).model.output.out_features == 2
