from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.server.grouped import Grouped

CELLS = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 6)), st.floats(width=32), max_size=20
)


def grouped(cells: dict[tuple[str, int], float]) -> Grouped:
    """One number for each parameter and step."""
    names = pa.array([name for name, _ in cells], pa.string()).dictionary_encode()
    table = pa.table(
        {
            "step": pa.array([step for _, step in cells], pa.int64()),
            "parameter": names,
            "count": pa.array([4] * len(cells), pa.int64()),
            "nonfinite": pa.array([int(not np.isfinite(each)) for each in cells.values()], pa.int64()),
            "zeros": pa.array([4 * (each == 0) for each in cells.values()], pa.int64()),
            "rms": pa.array(list(cells.values()), pa.float64()),
        }
    )
    return Grouped.read(table, ["rms"])


def check(found: Grouped, cells: dict[tuple[str, int], float]) -> None:
    for name in "abcde":
        expected = sorted((step, value) for (owner, step), value in cells.items() if owner == name)
        rows, values = found.of(name), np.array([value for _, value in expected])
        assert rows.steps.tolist() == [step for step, _ in expected]
        np.testing.assert_array_equal(rows.columns["rms"], values)
        np.testing.assert_array_equal(rows.is_broken, ~np.isfinite(values))
        np.testing.assert_array_equal(rows.is_zero, values == 0)
    for step in range(8):
        names, rows = found.at(step)
        here = {name: value for (name, at), value in cells.items() if at == step}
        assert sorted(names) == sorted(here)
        np.testing.assert_array_equal(rows.columns["rms"], [here[name] for name in names])


@given(CELLS)
def test_each_parameter_and_each_step_has_its_rows(cells: dict[tuple[str, int], float]) -> None:
    check(grouped(cells), cells)


@given(st.lists(CELLS, min_size=2, max_size=4))
def test_joined_ones_are_those_of_all_each_once(parts: list[dict[tuple[str, int], float]]) -> None:
    whole, found = parts[0], grouped(parts[0])
    for part in parts[1:]:
        found = found.joined(grouped(part))
        whole = part | whole  # what is known stays
    check(found, whole)
