"""The verdict names the step where it began, and says no of a healthy run."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from faulty_trainings import FAULTS, HEALTHY, train
from torch import nn

import weightdesk
from weightdesk.checkup.generalisation import Weighing, generalisation
from weightdesk.errors import OptionError


def test_a_network_that_memorises_is_judged_so(tmp_path: Path) -> None:
    run = train(tmp_path / "run", replace(FAULTS["overfitting"], examples=200, steps=800))
    found = generalisation(run, lambda step: Weighing(float(step), 0.1, 0.01, 1.0, 0.2))
    assert found.finding is not None
    assert found.finding.since == pytest.approx(found.best, abs=80)
    assert found.title.startswith("overfitting since step")
    assert found.apart is not None
    assert found.apart > 0.2
    assert found.by_heart is not None
    assert found.apart < found.by_heart <= 1
    trend, gap, weights = found.sections()
    assert gap.table["gap"].to_pylist()[-1] == pytest.approx(found.gap.values[-1])
    assert trend.table["value"].to_pylist()[3] > 0
    assert weights.table["step"].to_pylist() == sorted(found.norms)
    last = weights.table["norm of the weights"].to_pylist()[-1]
    squares = [run.weights(name, -1).square().sum() for name in run.parameters if name.endswith("weight")]
    assert last == pytest.approx(math.sqrt(sum(map(float, squares))), rel=1e-6)


def test_a_healthy_twin_has_no_verdict(tmp_path: Path) -> None:
    found = generalisation(train(tmp_path / "run", replace(HEALTHY, steps=400)))
    assert found.finding is None
    assert found.title.startswith("no overfitting")
    assert "--network" in found.sections()[-1].note


def test_without_a_held_out_loss_it_says_what_to_log(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="val_loss"):
        generalisation(train(tmp_path / "run", replace(HEALTHY, steps=15)))


def test_a_training_loss_that_never_was_a_number_leaves_it_open(tmp_path: Path) -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with weightdesk.watch(model, optimizer, tmp_path / "run", check=False) as recording:
        for _ in range(6):
            optimizer.zero_grad()
            model(torch.randn(4, 2)).square().mean().backward()
            optimizer.step()
            recording.log(loss=float("nan"), val_loss=1.0, accuracy=float("nan"), val_accuracy=0.5)
    undecided = weightdesk.check(tmp_path / "run").undecided
    assert undecided["overfitting"] == "the training loss as a number: recording.log(loss=loss)"
    with pytest.raises(OptionError, match="judged by training and held-out loss"):
        generalisation(tmp_path / "run")
