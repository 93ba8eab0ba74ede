from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.runs.footer import Footer
from weightdesk.runs.thrift import read_struct

LISTS = st.lists(st.lists(st.integers(-5, 5), max_size=4), min_size=1, max_size=30)


def footer_of(table: pa.Table, **options: object) -> tuple[Footer, pq.FileMetaData]:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    source = pa.BufferReader(sink.getvalue())
    file = pq.ParquetFile(source)
    return Footer(source, file), file.metadata


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=30),
    st.sampled_from(["step", "päram", "x" * 127]),
    st.integers(1, 7),
)
def test_bounds_of_integers_are_those_that_pyarrow_tells(values: list[int], name: str, rows: int) -> None:
    table = pa.table({"before": ["step"] * len(values), name: values, "behind": [0.5] * len(values)})
    footer, metadata = footer_of(table, row_group_size=rows)
    for group in range(metadata.num_row_groups):
        known = metadata.row_group(group).column(1).statistics
        assert footer.integer_bounds(name, group) == (known.min, known.max)
        assert footer.rows[group] == metadata.row_group(group).num_rows
        assert footer.values(name, group) == metadata.row_group(group).column(1).num_values


@given(
    st.lists(st.sampled_from(["", "a", "conv1.weight", "ä", "ω"]), min_size=1, max_size=30), st.integers(1, 5)
)
def test_groups_without_a_name_are_left_out_and_no_others(names: list[str], rows: int) -> None:
    table = pa.table({"parameter": pa.array(names).dictionary_encode()})
    footer, _ = footer_of(table, row_group_size=rows)
    for wanted in ("", "a", "b", "conv1.weight", "ä", "ω", "ω2"):
        found = set(footer.groups({"parameter": wanted}))
        pieces = [names[start : start + rows] for start in range(0, len(names), rows)]
        assert found == {
            group
            for group, piece in enumerate(pieces)
            if min(map(str.encode, piece)) <= wanted.encode() <= max(map(str.encode, piece))
        }


@given(LISTS, st.integers(1, 7))
def test_values_of_lists_are_counted(lists: list[list[int]], rows: int) -> None:
    footer, metadata = footer_of(pa.table({"step": [0] * len(lists), "bins": lists}), row_group_size=rows)
    counts = [metadata.row_group(group).column(1).num_values for group in range(metadata.num_row_groups)]
    assert [footer.values("bins", group) for group in range(metadata.num_row_groups)] == counts


def test_without_statistics_every_group_may_hold_a_value() -> None:
    footer, _ = footer_of(pa.table({"step": [1, 2, 3]}), row_group_size=1, write_statistics=False)
    assert footer.groups({"step": 77}) == [0, 1, 2]
    assert footer.bounds("step", 0) is None
    assert footer.groups({"no such column": 77}) == [0, 1, 2]
    with pytest.raises(ValueError, match="does not describe the column absent once"):
        footer.values("absent", 0)


def test_a_name_inside_a_value_confuses_nothing() -> None:
    path = b"\x19\x18\x04step".decode()
    footer, _ = footer_of(pa.table({"name": [path, "z"], "step": [3, 4]}), row_group_size=1)
    assert footer.groups({"step": 4}) in ([1], [0, 1])


def test_more_row_groups_than_anybody_writes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weightdesk.runs.footer._MAX_ROW_GROUPS", 2)
    with pytest.raises(ValueError, match="it has 3 row groups"):
        footer_of(pa.table({"step": [1, 2, 3]}), row_group_size=1)


FLIPS = """
import sys
from random import Random
from weightdesk.errors import RunFormatError
from weightdesk.runs import open_store
from weightdesk.runs.format import TABLES
from weightdesk.runs.tables import PartReader

store, folder = open_store(sys.argv[1]), sys.argv[2]
(name,) = store.names(folder)
sound = store.read(name)
start = len(sound) - 8 - int.from_bytes(sound[-8:-4], "little")
random, refused = Random(0), 0
for place in random.sample(range(start, len(sound)), min(600, len(sound) - start)):
    data = bytearray(sound)
    data[place] ^= 1 << random.randrange(8)
    store.write(name, lambda path: path.write_bytes(data))
    for read in (lambda reader: reader.last_step(), lambda reader: reader.read(TABLES[folder].schema)):
        try:
            read(PartReader(store, folder))
        except RunFormatError as error:
            assert "\\n" not in str(error)
            refused += 1
print("refused", refused)
"""


@pytest.mark.parametrize("folder", ["metrics", "statistics"])
def test_a_bit_of_the_footer_ends_no_process(tmp_path: Path, folder: str) -> None:
    """pyarrow's own statistics end it at one of a hundred bits."""
    from small_run import statistics_rows

    from weightdesk.runs import open_store
    from weightdesk.runs.parts import PartWriter

    rows = statistics_rows(range(3))
    metrics = pa.table({"step": [0, 5], "time": [0.0, 1.0], "loss": [2.0, 1.5]})
    PartWriter(open_store(tmp_path), folder).append(rows if folder == "statistics" else metrics)
    command = [sys.executable, "-c", FLIPS, str(tmp_path), folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-500:]
    assert int(done.stdout.split()[1]) > 50


@given(st.binary(max_size=200))
def test_no_bytes_are_more_than_refused(data: bytes) -> None:
    try:
        _, end = read_struct(data)
    except ValueError:
        return
    assert 0 < end <= len(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "ends too early"),
        (b"\x1c" * 1000, "nested too deep"),
        (b"\x16" + b"\xff" * 20, "a number that is too long"),
        (b"\x18\x7fabc", "ends too early"),
        (b"\x19\xfc\xff\xff\xff\x07", "ends too early"),
        (b"\x1f", "a field of an unknown type"),
    ],
)
def test_a_structure_that_is_none_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_struct(data)
