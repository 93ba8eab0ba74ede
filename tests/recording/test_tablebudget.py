"""Tables inside the disk budget: whole steps go, whoever reads meanwhile, and what stays is as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from weightdesk import open_run, watch
from weightdesk.recording.tablebudget import TableBudget
from weightdesk.runs.format import METRICS, PASSES, SAMPLED, SAMPLED_SCHEMA, STATISTICS, TABLES
from weightdesk.runs.parts import PartWriter
from weightdesk.runs.stores import open_store
from weightdesk.runs.tables import read_parts


def rows(steps: range, seed: int = 0) -> pa.Table:
    """Sampled rows that do not compress: four weights a step."""
    generator = np.random.default_rng([seed, steps.start])
    count = 4 * len(steps)
    return pa.table(
        {
            "step": np.repeat(np.array(steps), 4),
            "parameter": pa.array(["w"] * count).dictionary_encode(),
            "index": np.tile(np.arange(4), len(steps)),
            "weight": generator.standard_normal(count),
            "gradient": generator.standard_normal(count),
        }
    ).cast(SAMPLED_SCHEMA)


@given(
    flushes=st.lists(st.integers(1, 60), min_size=2, max_size=30),
    disk=st.integers(20_000, 120_000),
    together=st.integers(1, 3),
)
@settings(deadline=None, max_examples=25)
def test_rows_of_every_kth_round_stay_and_no_others(flushes: list[int], disk: int, together: int) -> None:
    store = open_store(f"memory://thinned-{abs(hash((*flushes, disk, together)))}")
    parts = {folder: PartWriter(store, folder, max_rows=300) for folder in TABLES}
    budget = TableBudget(parts, disk, together)
    wanted, start = [], 0
    for length in flushes:
        table = rows(range(start, start + length))
        wanted.append(table)
        start += length
        if (allowed := budget.within(SAMPLED, table)).num_rows:
            parts[SAMPLED].append(allowed)
        budget.keep()
        # a reader sees every row that is to stay at any time
        seen = set(read_parts(store, SAMPLED, SAMPLED_SCHEMA)["step"].to_pylist())
        stride = budget.strides.get(SAMPLED, 1)
        assert {step for step in range(start) if step // together % stride == 0} <= seen
    budget.finish()
    for each in parts.values():
        each.close()
    stride = budget.strides.get(SAMPLED, 1)
    everything = pa.concat_tables(wanted)
    keeps = [step // together % stride == 0 for step in everything["step"].to_pylist()]
    kept = read_parts(store, SAMPLED, SAMPLED_SCHEMA)
    order = [("step", "ascending"), ("index", "ascending")]
    assert kept.sort_by(order).to_pydict() == everything.filter(pa.array(keeps)).sort_by(order).to_pydict()
    size = sum(store.size(name) for name in store.names(SAMPLED))
    assert size == parts[SAMPLED].size
    assert size <= disk / 2 or kept["step"].to_pylist() == [0] * 4


def test_logged_metrics_are_never_dropped(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    parts = {folder: PartWriter(store, folder) for folder in TABLES}
    budget = TableBudget(parts, disk=1000)
    for step in range(20):
        parts[METRICS].append(pa.table({"step": [step], "time": [0.1 * step], "loss": [1.0]}))
        budget.keep()
    budget.finish()
    assert budget.strides == {}
    assert read_parts(store, METRICS, TABLES[METRICS].schema)["step"].to_pylist() == list(range(20))


def test_a_run_of_small_disk_says_how_it_was_thinned(tmp_path: Path) -> None:
    model = nn.Sequential(*[nn.Linear(8, 8) for _ in range(20)])
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with watch(
        model, optimizer, tmp_path / "run", cost=None, disk=300_000, every=10**9, flush=0.05, kinds=()
    ):
        for _ in range(300):
            optimizer.zero_grad()
            model(torch.randn(4, 8)).square().mean().backward()
            optimizer.step()
    run = open_run(tmp_path / "run")
    stride = run.manifest.recording["strides"][SAMPLED]
    assert stride > 1
    assert "disk=300000 allows no more" in " ".join(run.manifest.recording["notes"])
    assert sorted(set(run.sampled["step"].to_pylist())) == list(range(0, 300, stride))
    name, place = "0.weight", run.manifest.recording["sampled"]["0.weight"][0]
    history = run.history(name, divmod(place, 8))
    assert history.steps.tolist() == [*range(0, 300, stride), 300]
    store = open_store(tmp_path / "run")
    tables = (SAMPLED, STATISTICS, PASSES, METRICS)
    assert sum(store.size(file) for folder in tables for file in store.names(folder)) <= 150_000


def test_a_run_that_fits_says_nothing(tmp_path: Path) -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with watch(model, optimizer, tmp_path / "run", cost=None):
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()
    recording = open_run(tmp_path / "run").manifest.recording
    assert recording["strides"] == {}
    assert recording["notes"] == []
