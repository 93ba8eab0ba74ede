"""A small run, written with the write-side primitives alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from small_run import MODEL, OPTIMIZERS, SAMPLED_PLACE, sampled_rows, statistics_rows, weights_at

from weightdesk.runs import Manifest, Store, open_store
from weightdesk.runs.format import SAMPLED, STATISTICS
from weightdesk.runs.manifest import write_manifest
from weightdesk.runs.parts import PartWriter
from weightdesk.runs.snapshots import write_extra, write_snapshot


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Store]:
    """Write ten steps, snapshots at 0, 4, 8 and 10, gradients beside those at 0 and 4."""

    def write(location: str | Path = tmp_path / "run", **changes: Any) -> Store:
        store = open_store(location)
        recording = {"sampled": {"fc.weight": [SAMPLED_PLACE]}}
        content = {"model": MODEL, "optimizers": OPTIMIZERS, "recording": recording, "status": "finished"}
        write_manifest(store, Manifest(created="2026-01-31T12:00:00+00:00", **(content | changes)))
        for step in (0, 4, 8, 10):
            tensors = weights_at(step)
            write_snapshot(store, step, tensors | {"tied.weight": tensors["fc.weight"]})
        for step in (0, 4):
            extra = {
                "fc.weight@gradient": torch.full((3, 4), float(step)),
                "fc.weight@update": torch.full((3, 4), -float(step)),
                "fc.weight@momentum_buffer": torch.full((3, 4), 2.0 * step),
            }
            write_extra(
                store, step, extra, metadata={"options": '{"fc.weight": {"lr": 0.25}}'} if step else {}
            )
        metrics = PartWriter(store, "metrics")
        metrics.append(pa.table({"step": [0, 5], "time": [0.0, 1.0], "loss": [2.0, 1.5]}))
        metrics.append(pa.table({"step": [9], "time": [2.0], "accuracy": [0.75], "loss": [float("nan")]}))
        PartWriter(store, STATISTICS).append(statistics_rows(range(10)))
        PartWriter(store, SAMPLED).append(sampled_rows(range(10)))
        return store

    return write
