from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from measured_run import STEPS, measured_run
from torch import nn

from weightdesk import open_run, watch
from weightdesk.server.questions.flow import FlowQuestion
from weightdesk.server.session import Session


@pytest.mark.parametrize("step", [0, 3, STEPS - 1])
def test_each_gradient_is_that_of_the_run(step: int) -> None:
    run = measured_run()
    found = FlowQuestion(step=step).answer(Session(run))
    assert found.step == step
    assert len(found.gradients) == len(run.parameters)
    for name, value in zip(run.parameters, found.gradients, strict=True):
        series = run.series(name, "gradient", "rms")
        assert value == series.values[series.steps.tolist().index(step)].item()
        exact = run.gradient(name, step).double().square().mean().sqrt().item()
        assert value == pytest.approx(exact, rel=1e-6)


def test_where_a_step_was_not_measured_the_last_one_before_is_shown() -> None:
    session = Session(measured_run())
    last = FlowQuestion(step=STEPS).answer(session)  # the weights after the last step
    assert last.step == STEPS - 1
    np.testing.assert_array_equal(last.gradients, FlowQuestion(step=STEPS - 1).answer(session).gradients)


def test_rows_of_parameters_that_the_run_does_not_have_are_passed_over(tmp_path: Path) -> None:
    run = measured_run()
    shutil.copytree(run.path, tmp_path / "run")
    file = tmp_path / "run" / "run.json"
    content = json.loads(file.read_text())
    left_out = content["model"]["parameters"].pop(0)["name"]
    file.write_text(json.dumps(content))
    found = FlowQuestion(step=3).answer(Session(open_run(tmp_path / "run"))).gradients
    places = [place for place, name in enumerate(run.parameters) if name != left_out]
    np.testing.assert_array_equal(found, FlowQuestion(step=3).answer(Session(run)).gradients[places])


def test_without_gradients_there_is_no_step(tmp_path: Path) -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", cost=None, kinds=("weight",)):
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()
    found = FlowQuestion(step=0).answer(Session(open_run(tmp_path / "run")))
    assert found.step is None
    assert np.isnan(found.gradients).all()
