from __future__ import annotations

from pathlib import Path

import pytest
import torch
from recorded_updates import record, two_layers

from weightdesk.errors import StepNotKeptError
from weightdesk.explain.updates.recorded import StepReader


@pytest.fixture
def reader(tmp_path: Path) -> StepReader:
    model = two_layers()
    run = record(model, torch.optim.Adam(model.parameters()), tmp_path / "run", steps=4)
    return StepReader(run.path, run.parameters["0.weight"])


def test_one_weight_and_all_of_them_are_the_same(reader: StepReader) -> None:
    one, whole = reader.read(2, slice(7, 8)), reader.read(2, slice(0, 20))
    assert one.optimizer == whole.optimizer == "Adam"
    assert torch.equal(one.start.weight, whole.start.weight[7:8])
    assert torch.equal(one.move, whole.move[7:8])
    assert one.start.gradient is not None
    assert whole.start.gradient is not None
    assert torch.equal(one.start.gradient, whole.start.gradient[7:8])
    assert one.start.state.keys() == whole.start.state.keys() == {"exp_avg", "exp_avg_sq", "step"}
    assert torch.equal(one.start.state["exp_avg"], whole.start.state["exp_avg"][7:8])
    assert float(one.start.state["step"]) == float(whole.start.state["step"]) == 2


def test_steps_count_from_the_last(reader: StepReader) -> None:
    assert reader.steps() == (0, 1, 2, 3)
    assert reader.choose(-1) == 3
    assert reader.idle_steps() == ()


def test_the_weight_after_the_last_kept_step_is_reckoned(reader: StepReader, tmp_path: Path) -> None:
    exact = reader.read(1, slice(0, 1)).after
    (tmp_path / "run" / "snapshots" / "00000002.safetensors").unlink()
    torch.testing.assert_close(reader.read(1, slice(0, 1)).after, exact, rtol=1e-6, atol=0)


def test_a_snapshot_that_went_meanwhile_is_said_to_be_gone(reader: StepReader, tmp_path: Path) -> None:
    step = reader.choose(1)
    (tmp_path / "run" / "snapshots" / "00000001.safetensors").unlink()
    with pytest.raises(StepNotKeptError, match="step 1 was thinned out"):
        reader.read(step, slice(0, 1))
