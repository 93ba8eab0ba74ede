from __future__ import annotations

import json
from pathlib import Path

import pytest
from terminal_recordings import Record
from torch import nn

from weightdesk import Run
from weightdesk.errors import StepNotKeptError
from weightdesk.terminal.document import document
from weightdesk.terminal.overview import read_overview


def test_an_overview_says_what_the_run_knows(pictures: Run) -> None:
    overview = read_overview(pictures)
    assert (overview.run, overview.status, overview.last_step) == (pictures.path, "finished", 4)
    assert (overview.step, overview.snapshots) == (4, pictures.steps)
    assert (overview.parameters, overview.weights) == (4, 109)
    assert overview.statistics == 4
    assert overview.optimizers == ("SGD lr 0.1",)
    assert overview.model == "torch.nn.modules.container.Sequential"
    assert overview.network is overview.data is overview.seed is None
    assert overview.metrics == {"loss": pictures.metrics.column("loss")[-1].as_py()}
    assert overview.size > 1000


def test_an_earlier_step_shows_what_was_then(pictures: Run) -> None:
    overview = read_overview(pictures, 1)
    assert overview.step == 1
    assert overview.metrics == {"loss": pictures.metrics.column("loss")[1].as_py()}
    assert read_overview(pictures, -2).step == 3


def test_a_step_that_is_not_kept_is_refused(pictures: Run) -> None:
    with pytest.raises(StepNotKeptError, match="nearest kept: 4"):
        read_overview(pictures, 9)


def test_a_run_without_a_snapshot_has_no_step(record: Record) -> None:
    run = record(nn.Linear(1, 1), 1)
    for file in (Path(run.path) / "snapshots").iterdir():
        file.unlink()
    overview = read_overview(run)
    assert (overview.step, overview.snapshots) == (None, ())
    assert overview.layers[0].scale_now is None
    with pytest.raises(StepNotKeptError, match="keeps none"):
        read_overview(run, 0)


def test_the_document_has_stable_keys(pictures: Run) -> None:
    facts = json.loads(document(read_overview(pictures)))
    assert list(facts) == [
        "run", "status", "note", "created", "closed", "model", "network", "data", "seed", "parent",
        "optimizers", "parameters", "weights", "step", "last_step", "snapshots", "statistics", "size",
        "notes", "metrics", "layers",
    ]  # fmt: skip
    assert list(facts["layers"][0]) == [
        "module", "kind", "weights", "parameter", "shape", "scale_start", "scale_now", "ratio_median",
        "ratio_last", "gradient", "zeros", "saturated",
    ]  # fmt: skip
