"""Values of Arrow columns by their memory are those that pyarrow gives."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.runs.arrowvalues import empty_table, floats, integer, numbers, places, presence

CHUNKS = st.lists(st.lists(st.none() | st.integers(-100, 100), max_size=20), max_size=4)
KINDS = (pa.int8(), pa.int32(), pa.int64(), pa.float32(), pa.float64())


@given(CHUNKS, st.sampled_from(KINDS), st.integers(0, 10), st.integers(0, 30))
def test_of_any_part_of_any_column(
    chunks: list[list[int | None]], kind: pa.DataType, start: int, length: int
) -> None:
    column = pa.chunked_array(chunks, kind).slice(start, length)
    wanted = column.to_pylist()
    np.testing.assert_array_equal(floats(column), [np.nan if each is None else each for each in wanted])
    assert presence(column).tolist() == [each is not None for each in wanted]
    there = presence(column)
    assert numbers(column)[there].tolist() == [each for each in wanted if each is not None]
    assert numbers(column).dtype == np.dtype(kind.to_pandas_dtype())


def test_a_single_array_is_read_as_a_column() -> None:
    assert floats(pa.array([1, None, 3])[1:]).tolist()[1:] == [3.0]


def test_numbers_are_compared_and_rows_taken() -> None:
    table = pa.table({"step": [3, 4, 5]})
    assert pc.less_equal(table["step"], integer(4)).to_pylist() == [True, True, False]
    assert pc.equal(pa.array([1, 2], pa.int8()), integer(2, pa.int8())).to_pylist() == [False, True]
    assert table.take(places(np.array([2, 0, 1])[::2])).to_pydict() == {"step": [5, 4]}


def test_an_empty_table_has_the_columns() -> None:
    schema = pa.schema([("step", pa.int64()), ("parameter", pa.dictionary(pa.int32(), pa.string()))])
    assert empty_table(schema).schema == schema
    assert empty_table(schema).num_rows == 0


NO_PANDAS = """
import sys
import numpy as np
import pyarrow as pa
from weightdesk.runs.arrowvalues import empty_table, floats, integer, numbers, places, presence
memory = pa.py_buffer(np.arange(3))
column = pa.chunked_array([pa.Array.from_buffers(pa.int64(), 3, [None, memory])])
floats(column), numbers(column), presence(column), integer(3), places(np.arange(2))
empty_table(pa.schema([("step", pa.int64())]))
assert "pandas" not in sys.modules
"""


def test_pandas_is_not_imported() -> None:
    subprocess.run([sys.executable, "-c", NO_PANDAS], check=True)
