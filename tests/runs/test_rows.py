from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.runs.rows import concatenate, sort_rows

NAME = pa.dictionary(pa.int32(), pa.string())
ROWS = st.lists(st.tuples(st.integers(-5, 5), st.sampled_from(["b", "a", "layer10", "layer9", "é"])))


def table_of(rows: list[tuple[int, str]]) -> pa.Table:
    content = {"step": [step for step, _ in rows], "parameter": [name for _, name in rows]}
    schema = pa.schema([("step", pa.int64()), ("parameter", NAME), ("row", pa.int64())])
    return pa.table(content | {"row": list(range(len(rows)))}, schema=schema)


@given(ROWS, ROWS)
def test_sorts_as_python_does_and_keeps_equal_rows_as_they_came(
    first: list[tuple[int, str]], second: list[tuple[int, str]]
) -> None:
    table = concatenate([table_of(first), table_of(second)])
    found = sort_rows(table, ("parameter", "step")).to_pylist()
    assert found == sorted(table.to_pylist(), key=lambda row: (row["parameter"], row["step"]))


def test_columns_follow_their_first_appearance() -> None:
    tables = [pa.table({"step": [0]}), pa.table({"b": [1.0], "step": [1]}), pa.table({"a": [2.0]})]
    assert concatenate(tables).column_names == ["step", "b", "a"]


def test_a_column_without_values_takes_the_type_of_the_others() -> None:
    tables = [pa.table({"loss": pa.nulls(2)}), pa.table({"loss": [0.5]})]
    assert concatenate(tables).column("loss").to_pylist() == [None, None, 0.5]
    assert concatenate(tables).schema.field("loss").type == pa.float64()
