from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_run import sampled_rows, statistics_rows

from weightdesk.errors import RunFormatError
from weightdesk.runs.format import SAMPLED_SCHEMA, STATISTICS_SCHEMA
from weightdesk.runs.parts import Part, PartWriter, list_parts, open_part
from weightdesk.runs.stores import LocalStore, Store, open_store
from weightdesk.runs.tables import read_parts

METRICS = pa.schema([("step", pa.int64())])


def loss(step: int, rows: int = 1) -> pa.Table:
    return pa.table({"step": list(range(step, step + rows)), "loss": [step / 4] * rows})


def names(store: Store, folder: str = "metrics") -> list[str]:
    return [name.removeprefix(f"{folder}/part-").removesuffix(".parquet") for name in store.names(folder)]


def steps(store: Store) -> list[int]:
    return sorted(read_parts(store, "metrics", METRICS).column("step").to_pylist())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path)


def test_each_append_is_a_part_of_its_own(store: Store) -> None:
    writer = PartWriter(store, "metrics")
    sizes = [writer.append(loss(step)) for step in range(3)]
    assert names(store) == ["00000001-00000001", "00000002-00000002", "00000003-00000003"]
    assert sizes == [store.size(name) for name in store.names("metrics")]


def test_ranks_write_beside_each_other(store: Store) -> None:
    for rank in (0, 2):
        writer = PartWriter(store, "metrics", rank=rank, fan_in=2)
        writer.append(loss(rank))
        writer.append(loss(rank + 10))
        writer.merge()
    assert names(store) == ["00000001-00000002", "r2-00000001-00000002"]
    assert [part.rank for part in list_parts(store, "metrics")] == [0, 2]
    assert steps(store) == [0, 2, 10, 12]


def test_merges_in_levels(store: Store) -> None:
    writer = PartWriter(store, "metrics", fan_in=3)
    for step in range(13):
        writer.append(loss(step))
        writer.merge()
    assert names(store) == ["00000001-00000009", "00000010-00000012", "00000013-00000013"]
    assert steps(store) == list(range(13))


def test_few_parts_are_left_alone(store: Store) -> None:
    writer = PartWriter(store, "metrics", fan_in=4)
    for step in range(3):
        writer.append(loss(step))
    writer.merge()
    assert len(names(store)) == 3


def test_closing_merges_everything_up_to_the_limit(store: Store) -> None:
    writer = PartWriter(store, "metrics", max_rows=10)
    for step, rows in enumerate((4, 4, 4, 12, 1, 2)):
        writer.append(loss(100 * step, rows))
    writer.close()
    assert names(store) == [
        "00000001-00000002",
        "00000003-00000003",
        "00000004-00000004",
        "00000005-00000006",
    ]
    assert len(steps(store)) == 27


def test_a_later_writer_goes_on_where_the_first_one_stopped(store: Store) -> None:
    PartWriter(store, "metrics").append(loss(0))
    writer = PartWriter(store, "metrics", fan_in=2)
    writer.append(loss(1))
    writer.merge()
    assert names(store) == ["00000001-00000002"]


@pytest.mark.parametrize("killed_after", ["writing", "first delete"])
def test_a_kill_between_the_merge_and_its_clean_up_does_no_harm(store: Store, killed_after: str) -> None:
    writer = PartWriter(store, "metrics", fan_in=3)
    for step in range(3):
        writer.append(loss(step))
    allowed = iter([] if killed_after == "writing" else [store.names("metrics")[0]])

    def delete(name: str) -> None:
        if next(allowed, None) is None:
            raise KeyboardInterrupt
        LocalStore.delete(store, name)  # type: ignore[arg-type]

    store.delete = delete  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        writer.merge()
    assert len(names(store)) == (4 if killed_after == "writing" else 3)
    assert steps(store) == [0, 1, 2]
    again = PartWriter(LocalStore(Path(store.location)), "metrics")
    again.append(loss(3))
    assert steps(store) == [0, 1, 2, 3]


def test_a_failed_merge_leaves_the_pieces(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = PartWriter(store, "metrics", fan_in=2)
    writer.append(loss(0))
    writer.append(loss(1))

    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write", fail)
        with pytest.raises(OSError, match="No space"):
            writer.merge()
    assert steps(store) == [0, 1]
    writer.merge()
    assert names(store) == ["00000001-00000002"]


def test_a_listing_beside_a_merge_is_taken_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = PartWriter(store, "metrics", fan_in=2)
    writer.append(loss(0))
    writer.append(loss(1))
    listings = iter([[], store.names("metrics")[1:]])
    listed = store.names
    monkeypatch.setattr(store, "names", lambda folder: next(listings, None) or listed(folder))
    assert [part.first for part in list_parts(store, "metrics")] == [1, 2]


def test_other_files_are_no_parts(store: Store) -> None:
    PartWriter(store, "metrics").append(loss(0))
    store.write("metrics/notes.txt", lambda path: path.write_text("mine"))
    store.write("metrics/part-1.parquet", lambda path: path.write_text("not ours"))
    assert len(list_parts(store, "metrics")) == 1


def test_covering_is_about_one_rank() -> None:
    whole, piece, other = Part(0, 1, 4, "a"), Part(0, 2, 4, "b"), Part(1, 2, 4, "c")
    assert [whole.covers(each) for each in (whole, piece, other)] == [True, True, False]
    assert not piece.covers(whole)


@pytest.mark.parametrize(
    ("folder", "rows", "order"),
    [
        ("statistics", statistics_rows, ("kind", "parameter", "step")),
        ("sampled", sampled_rows, ("parameter", "index", "step")),
    ],
)
def test_merged_parts_are_sorted_for_reading_one_series(
    store: Store, folder: str, rows: object, order: Iterable[str]
) -> None:
    writer = PartWriter(store, folder)
    for first in range(0, 9, 3):
        writer.append(rows(range(first, first + 3)))  # type: ignore[operator]
    before = read_parts(store, folder, pa.schema([])).to_pylist()
    writer.close()
    (part,) = list_parts(store, folder)
    with open_part(store, part.name) as (_, file):
        table = file.read()
    keys = [tuple(row[key] for key in order) for row in table.to_pylist()]
    assert keys == sorted(keys)
    assert sorted(map(str, table.to_pylist())) == sorted(map(str, before))
    assert table.schema.remove_metadata() == (STATISTICS_SCHEMA if folder == "statistics" else SAMPLED_SCHEMA)


def test_parts_open_without_weightdesk(store: Store) -> None:
    PartWriter(store, "statistics").append(statistics_rows(range(4)))
    (name,) = store.names("statistics")
    table = pq.read_table(f"{store.location}/{name}")
    assert table.num_rows == 24
    assert table.column("histogram_count")[0].as_py() == [1, 2]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all", None])
def test_a_damaged_part_is_named(store: Store, content: bytes | None) -> None:
    PartWriter(store, "metrics").append(loss(0))
    (name,) = store.names("metrics")
    damaged = store.read(name)[:-20] if content is None else content
    store.write(name, lambda path: path.write_bytes(damaged))
    with pytest.raises(
        RunFormatError, match=r"part-00000001-00000001.parquet is damaged: .* remove it"
    ) as caught:
        read_parts(store, "metrics", METRICS)
    assert "\n" not in str(caught.value)


def test_a_flipped_bit_is_found_where_it_matters(store: Store) -> None:
    PartWriter(store, "metrics").append(loss(0, rows=500))
    (name,) = store.names("metrics")
    content = bytearray(store.read(name))
    content[60] ^= 4  # inside the first page
    store.write(name, lambda path: path.write_bytes(content))
    with pytest.raises(RunFormatError, match=r"00000001\.parquet is damaged: .*"):
        read_parts(store, "metrics", METRICS)


ACTIONS = st.lists(
    st.sampled_from(["append", "append", "append", "merge", "close", "read", "restart"]), max_size=40
)


@settings(max_examples=40, deadline=None)
@given(actions=ACTIONS, fan_in=st.integers(2, 4), max_rows=st.integers(2, 40), rank=st.sampled_from([0, 3]))
def test_any_order_of_appending_merging_and_reading_gives_the_same_table(
    actions: list[str], fan_in: int, max_rows: int, rank: int
) -> None:
    store = open_store("memory://interleaved")
    for name in store.names("statistics"):
        store.delete(name)
    writer = PartWriter(store, "statistics", rank=rank, fan_in=fan_in, max_rows=max_rows)
    expected: list[str] = []
    for step, action in enumerate([*actions, "read"]):
        if action == "append":
            table = statistics_rows(range(step, step + 1))
            writer.append(table)
            expected += map(str, table.to_pylist())
        elif action == "restart":
            writer = PartWriter(store, "statistics", rank=rank, fan_in=fan_in, max_rows=max_rows)
        elif action != "read":
            getattr(writer, action)()
        else:
            found = read_parts(store, "statistics", STATISTICS_SCHEMA).to_pylist()
            assert sorted(map(str, found)) == sorted(expected)


def test_rows_are_changed_in_all_parts_while_others_are_appended() -> None:
    store = open_store("memory://rewritten")
    writer = PartWriter(store, "metrics", fan_in=100)
    for step in range(5):
        writer.append(pa.table({"step": [step], "loss": [float(step)]}))
    for done, _ in enumerate(
        writer.rewrite(lambda table: table.filter(pa.array([table["step"][0].as_py() > 1])))
    ):
        writer.append(pa.table({"step": [5 + done], "loss": [0.0]}))
        names = [part.name for part in list_parts(store, "metrics")]
        assert sorted(names) == sorted(set(names))
    writer.close()
    table = read_parts(store, "metrics", pa.schema([("step", pa.int64())]))
    assert sorted(table["step"].to_pylist()) == [2, 3, 4, 5, 6, 7]
    assert writer.size == sum(map(store.size, store.names("metrics")))


def test_a_single_part_is_changed_under_another_name() -> None:
    store = open_store("memory://rewritten-single")
    writer = PartWriter(store, "metrics")
    writer.append(pa.table({"step": [0, 1], "loss": [0.0, 1.0]}))
    (before,) = store.names("metrics")
    for _ in writer.rewrite(lambda table: table.slice(1)):
        pass
    (after,) = store.names("metrics")
    assert after != before
    writer.append(pa.table({"step": [2], "loss": [2.0]}))
    table = read_parts(store, "metrics", pa.schema([("step", pa.int64())]))
    assert sorted(table["step"].to_pylist()) == [1, 2]
