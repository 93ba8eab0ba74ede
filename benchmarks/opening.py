"""Open a run with 10,000 recorded steps of 150 parameters in three kinds, and read one series of it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parent))

from reporting import Row, markdown, median_seconds, seconds

from weightdesk.runs import Manifest, Run, open_run, open_store
from weightdesk.runs.format import STATISTICS, STATISTICS_SCHEMA
from weightdesk.runs.manifest import write_manifest
from weightdesk.runs.parts import PartWriter
from weightdesk.runs.stores import Store

STEPS, PARAMETERS, STEPS_A_FLUSH = 10_000, 150, 50
KINDS = ("weight", "gradient", "update")
NAMES = [f"layers.{layer}.weight" for layer in range(PARAMETERS)]


def measure() -> list[Row]:
    """Write 4.5 million rows as a recording would, then read what a screen needs first."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(folder)
        table = [{"name": name, "shape": [256, 256], "dtype": "float32"} for name in NAMES]
        write_manifest(store, Manifest(created="2026-01-31T12:00:00+00:00", model={"parameters": table}))
        writing = seconds(lambda: _record(store))
        opening = median_seconds(lambda: _opened(folder))
        first = median_seconds(lambda: _series(open_run(folder)))
        run = open_run(folder)
        again = median_seconds(lambda: _series(run))
    rows = [
        Row(
            "open a run, 10,000 steps × 150 parameters", f"{opening * 1e3:.0f} ms", "≤ 500 ms", opening <= 0.5
        ),
        Row(
            "… first series of a freshly opened run, warm process",
            f"{first * 1e3:.0f} ms",
            "≤ 50 ms",
            first <= 0.05,
        ),
        Row("… one more series", f"{again * 1e3:.0f} ms", "≤ 50 ms", again <= 0.05),
    ]
    return [*rows, Row("… writing and merging all of it", f"{writing:.0f} s")]


def _opened(folder: str) -> tuple[object, ...]:
    run = open_run(folder)
    return run.status, run.parameters, run.steps, run.last_step


def _series(run: Run) -> None:
    series = run.series(NAMES[77], "update", "rms")
    assert len(series.steps) == STEPS, series


def _record(store: Store) -> None:
    writer = PartWriter(store, STATISTICS)
    random = np.random.default_rng(0)
    for first in range(0, STEPS, STEPS_A_FLUSH):
        writer.append(_rows(range(first, first + STEPS_A_FLUSH), random))
        writer.merge()
    writer.close()


def _rows(steps: range, random: np.random.Generator) -> pa.Table:
    rows = len(steps) * PARAMETERS * len(KINDS)
    parameter = np.tile(np.repeat(np.arange(PARAMETERS, dtype=np.int32), len(KINDS)), len(steps))
    kind = np.tile(np.arange(len(KINDS), dtype=np.int32), rows // len(KINDS))
    bins = pa.array(np.tile(np.arange(20, dtype=np.int16), rows))
    ends = pa.array(np.arange(rows + 1, dtype=np.int32) * 20)
    columns = {
        "step": np.repeat(np.arange(steps.start, steps.stop), PARAMETERS * len(KINDS)),
        "parameter": pa.DictionaryArray.from_arrays(parameter, NAMES),
        "kind": pa.DictionaryArray.from_arrays(kind, list(KINDS)),
        "histogram_bin": pa.ListArray.from_arrays(ends, bins),
        "histogram_count": pa.ListArray.from_arrays(ends, pa.array(random.integers(0, 9999, 20 * rows))),
    }
    for each in STATISTICS_SCHEMA:
        if each.name not in columns:
            columns[each.name] = pa.array(random.normal(size=rows)).cast(each.type, safe=False)
    return pa.table(columns).select(STATISTICS_SCHEMA.names).cast(STATISTICS_SCHEMA)


def main() -> None:
    """Print the table."""
    print(markdown(measure()))


if __name__ == "__main__":
    main()
