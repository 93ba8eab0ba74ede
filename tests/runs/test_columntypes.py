from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_run import statistics_rows

from weightdesk.errors import RunFormatError
from weightdesk.runs import Store, open_run, open_store
from weightdesk.runs.columntypes import column_names, conform
from weightdesk.runs.format import TABLES
from weightdesk.runs.stores import LocalStore
from weightdesk.runs.tables import read_parts

METRICS, STATISTICS = TABLES["metrics"], TABLES["statistics"]
BASE = {"step": [0, 1], "time": [0.0, 0.5], "loss": [2.0, 1.0]}
NAME = "part-00000001-00000001.parquet"


def put(store: Store, folder: str, table: pa.Table, **options: Any) -> None:
    for name in store.names(folder):
        store.delete(name)
    store.write(f"{folder}/{NAME}", lambda path: pq.write_table(table, path, **options))


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"step": ["a", "b"]}, "its column 'step' holds string, expected int64"),
        ({"step": [None, None]}, "its column step has rows without a value"),
        ({"step": [0, None]}, "its column step has rows without a value"),
        ({"step": [-1, 3]}, "its column step reaches from -1 to 3"),
        ({"step": [0, 10**13]}, "its column step reaches from 0 to 10000000000000"),
        ({"step": [0.5, 1.0]}, "its column 'step' holds double, expected int64"),
        ({"loss": ["a", "b"]}, "its column 'loss' holds string, expected double"),
        ({"loss": [[1.0], [2.0]]}, "its column 'loss' holds list<.*>, expected double"),
        ({"loss": [{"a": 1}] * 2}, "its column 'loss' holds struct<.*>, expected double"),
    ],
)
def test_a_column_of_another_kind_is_named(
    record: Callable[..., Store], columns: dict[str, Any], words: str
) -> None:
    store = record()
    put(store, "metrics", pa.table(BASE | columns))
    with pytest.raises(RunFormatError, match=rf"{NAME} is damaged: {words}") as caught:
        _ = open_run(store.location).metrics
    assert "\n" not in str(caught.value)


def test_a_table_without_its_key_is_refused() -> None:
    with pytest.raises(ValueError, match="it has no column step"):
        column_names(pa.schema([("loss", pa.float64())]), METRICS)
    with pytest.raises(ValueError, match="it has no column kind"):
        column_names(pa.schema([("step", pa.int64()), ("parameter", pa.string())]), STATISTICS)


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.uint64(), pa.int64(), pa.float16(), pa.float32(), pa.float64(), pa.null()]
)
def test_numbers_of_any_width_are_read_as_float64(kind: pa.DataType) -> None:
    values = [None, None] if pa.types.is_null(kind) else np.array([3, 1], kind.to_pandas_dtype())
    table = pa.table({"step": pa.array([0, 1], pa.int32()), "loss": pa.array(values, kind)})
    found = conform(table, METRICS)
    assert found.schema.types == [pa.int64(), pa.float64()]
    assert found.column("loss").to_pylist() == ([None, None] if pa.types.is_null(kind) else [3.0, 1.0])


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_names_may_be_written_in_any_way(kind: pa.DataType) -> None:
    names = pa.array(["b", "a", "b"]).cast(kind)
    table = pa.table({"step": [0, 1, 2], "parameter": names, "kind": names})
    found = conform(table, STATISTICS)
    assert found.schema.field("parameter").type == STATISTICS.schema.field("parameter").type
    assert found.column("kind").to_pylist() == ["b", "a", "b"]


def test_a_metric_that_is_called_step_stays_beside_the_step() -> None:
    store = open_store("memory://two-steps")
    columns = [pa.array([0, 1]), pa.array([0.0, 0.5]), pa.array([7.0, 8.0]), pa.array([2.0, 1.0])]
    put(store, "metrics", pa.Table.from_arrays(columns, names=["step", "time", "step", "loss"]))
    for wanted in (None, ["step", "loss", "step (2)"]):
        table = read_parts(store, "metrics", METRICS.schema, columns=wanted)
        assert table.column("step").to_pylist() == [0, 1]
        assert table.column("step (2)").to_pylist() == [7.0, 8.0]
        assert table.column("loss").to_pylist() == [2.0, 1.0]


def test_two_columns_of_one_name_are_refused_elsewhere() -> None:
    store, table = open_store("memory://two-kinds"), statistics_rows(range(2))
    put(store, "statistics", table.append_column("kind", table.column("parameter")))
    with pytest.raises(RunFormatError, match="two of its columns have the same name"):
        read_parts(store, "statistics", STATISTICS.schema)


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=8), max_size=6))
def test_any_name_of_a_metric_is_read(names: list[str]) -> None:
    store = open_store("memory://odd-names")
    columns = [pa.array([3]), *(pa.array([float(place)]) for place in range(len(names)))]
    put(store, "metrics", pa.Table.from_arrays(columns, names=["step", *names]))
    table = read_parts(store, "metrics", pa.schema([]))
    values = [table.column(place)[0].as_py() for place in range(table.num_columns)]
    assert values == [3, *map(float, range(len(names)))]
    assert len(set(table.column_names)) == len(names) + 1


def test_columns_of_a_later_release_are_passed_over() -> None:
    store, table = open_store("memory://later"), statistics_rows(range(2))
    put(store, "statistics", table.append_column("mood", pa.array([{"a": 1}] * table.num_rows)))
    found = read_parts(store, "statistics", STATISTICS.schema)
    assert found.column_names == STATISTICS.schema.names
    assert found.num_rows == table.num_rows


@pytest.mark.parametrize(
    ("bins", "counts", "words"),
    [
        ([[1, 2]], [[1]], "differ in length"),
        ([None], [[1]], "differ in length"),
        ([[1, None]], [[1, 2]], "have gaps"),
    ],
)
def test_lists_that_belong_together_must_fit(bins: Any, counts: Any, words: str) -> None:
    rows = statistics_rows(range(1)).slice(0, 1)
    for name, values in (("histogram_bin", bins), ("histogram_count", counts)):
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, name, pa.array(values, rows.schema.field(place).type))
    with pytest.raises(ValueError, match=words):
        conform(rows, STATISTICS)


@pytest.mark.parametrize(
    ("outputs", "width", "fits"),
    [
        *(([1.0] * 6, 3, True), ([], 0, True), (None, None, True), ([], None, True), ([], 5, True)),
        *(([1.0] * 6, 4, False), ([1.0], 0, False), ([1.0], None, False), ([1.0] * 6, -3, False)),
    ],
)
def test_lists_that_are_matrices_have_whole_rows(outputs: Any, width: int | None, fits: bool) -> None:
    schema = TABLES["passes"].schema
    row = {"step": 0, "outputs": outputs, "output_count": width}
    table = pa.Table.from_pylist([row], schema=schema)
    if fits:
        assert conform(table, TABLES["passes"]).num_rows == 1
        return
    with pytest.raises(ValueError, match="of its column outputs are no matrices of the width"):
        conform(table, TABLES["passes"])


def rows_without_end(count: int) -> pa.Table:
    zeros = np.zeros(count)
    return pa.table({"step": zeros.astype(np.int64), "time": zeros, "loss": zeros})


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        *(("statistics", "histogram_bin"), ("statistics", "histogram_count"), ("passes", "features")),
        *(("passes", "feature_count"), ("passes", "outputs"), ("passes", "output_count")),
    ],
)
def test_a_column_without_the_one_that_it_belongs_to_is_refused(folder: str, name: str) -> None:
    layout = TABLES[folder]
    schema = layout.schema.remove(layout.schema.get_field_index(name))
    with pytest.raises(ValueError, match=f"it has no column {name}, which belongs to another one"):
        column_names(schema, layout)


def test_a_small_file_with_rows_without_end_is_refused(tmp_path: Any) -> None:
    store = LocalStore(tmp_path)
    put(store, "metrics", rows_without_end(7_000_000), compression="zstd")
    assert store.size(f"metrics/{NAME}") < 1_000_000
    words = r"is damaged: the table takes 168,000,000 bytes of memory, more than 100 times the [\d,]+ bytes"
    with pytest.raises(RunFormatError, match=words):
        read_parts(store, "metrics", METRICS.schema)
    assert read_parts(store, "metrics", METRICS.schema, columns=["step"]).num_rows == 7_000_000


def test_parts_are_added_up(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weightdesk.runs.tables._SMALL", 1_000_000)
    store, table = LocalStore(tmp_path), rows_without_end(20_000)
    for part in (1, 2, 3):
        name = f"metrics/part-{part:08d}-{part:08d}.parquet"
        store.write(name, lambda path: pq.write_table(table, path, compression="zstd"))
        if part < 3:
            assert read_parts(store, "metrics", METRICS.schema).num_rows == part * 20_000
    with pytest.raises(RunFormatError, match="takes 1,440,000 bytes of memory"):
        read_parts(store, "metrics", METRICS.schema)


def test_a_list_without_end_is_refused(tmp_path: Any) -> None:
    store, rows = LocalStore(tmp_path), statistics_rows(range(1)).slice(0, 1)
    items = pa.array(np.zeros(40_000_000, np.int64))
    lists = pa.ListArray.from_arrays(pa.array([0, len(items)], pa.int32()), items)
    place = rows.schema.get_field_index("histogram_count")
    put(store, "statistics", rows.set_column(place, "histogram_count", lists), compression="zstd")
    assert store.size(f"statistics/{NAME}") < 100_000
    with pytest.raises(RunFormatError, match=r"takes 32\d,\d+,\d+ bytes of memory"):
        read_parts(store, "statistics", STATISTICS.schema)


def test_a_text_that_repeats_itself_without_end_is_refused() -> None:
    store = open_store("memory://texts")
    codes = pa.array(np.zeros(30_000, np.int32))
    graphs = pa.DictionaryArray.from_arrays(codes, ["x" * 100_000])
    put(store, "passes", pa.table({"step": np.zeros(30_000, np.int64), "graph": graphs}))
    with pytest.raises(RunFormatError, match=r"(its texts have more than|takes) [\d,]+ bytes"):
        read_parts(store, "passes", TABLES["passes"].schema)


def test_names_that_are_no_text_are_refused(tmp_path: Any) -> None:
    store = LocalStore(tmp_path)
    rows = statistics_rows(range(1)).to_pylist()
    broken = pa.DictionaryArray.from_arrays(
        pa.array([0] * len(rows), pa.int32()), pa.array([b"\xff\xfe"]).view(pa.string())
    )
    table = statistics_rows(range(1))
    put(store, "statistics", table.set_column(1, "parameter", broken))
    with pytest.raises(RunFormatError, match=rf"{NAME} is damaged: .*[Uu][Tt][Ff]"):
        read_parts(store, "statistics", STATISTICS.schema)


@given(st.lists(st.integers(-2, 3), min_size=1, max_size=6), st.integers(0, 2))
def test_names_by_indices_beyond_the_dictionary_are_refused(indices: list[int], names: int) -> None:
    dictionary = pa.array(["a", "b"][:names], pa.string())
    codes = pa.array(indices, pa.int32())
    parameter = pa.DictionaryArray.from_arrays(codes, dictionary, safe=False)
    schema = TABLES["sampled"].schema
    columns = {
        field.name: pa.array([0] * len(indices), field.type) for field in schema if field.name != "parameter"
    }
    table = pa.table({"parameter": parameter} | columns).select(schema.names)
    if all(0 <= index < names for index in indices):
        assert conform(table, TABLES["sampled"]).column("parameter").to_pylist() == [
            "ab"[each] for each in indices
        ]
    else:
        with pytest.raises(ValueError, match="out of bounds"):
            conform(table, TABLES["sampled"])
