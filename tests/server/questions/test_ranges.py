from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

import weightdesk as wd
from weightdesk.errors import OptionError
from weightdesk.runs import open_run
from weightdesk.server.questions.ranges import RangesQuestion
from weightdesk.server.session import Session
from weightdesk.server.subject import Subject
from weightdesk.training import Recipe, train


def test_ranges_in_the_tables_own_units_lie_within_the_whole_table(tmp_path: Path) -> None:
    run = open_run(train(Recipe.create("breast-cancer", steps=1), tmp_path / "table", every=1).directory)
    session = Session(run)
    found = RangesQuestion().answer(session)
    inputs = session.subject.inputs.double()
    assert found.low.tolist() == inputs.amin(0).tolist()
    assert found.high.tolist() == inputs.amax(0).tolist()
    table = load_breast_cancer().data
    low, high = found.low * found.scale + found.mean, found.high * found.scale + found.mean
    assert (low >= table.min(0) * (1 - 1e-5) - 1e-6).all()
    assert (high <= table.max(0) * (1 + 1e-5)).all()
    nearest = np.abs(table - high).min(0)  # the most of the held-out part is a number of the table
    assert (nearest <= 1e-4 * np.abs(high) + 1e-6).all()


def test_examples_of_ones_own_are_in_their_own_units(tmp_path: Path) -> None:
    model = nn.Linear(2, 1)
    with wd.watch(model, torch.optim.SGD(model.parameters(), lr=0.1), tmp_path / "run"):
        pass
    inputs = torch.tensor([[1.0, torch.nan], [-3.0, 2.0], [2.0, torch.inf]])
    found = RangesQuestion().answer(Session(open_run(tmp_path / "run"), Subject.given(model, inputs)))
    assert (found.low.tolist(), found.high.tolist()) == ([-3.0, 2.0], [2.0, 2.0])
    assert (found.scale.tolist(), found.mean.tolist()) == ([1.0, 1.0], [0.0, 0.0])


def test_pictures_have_no_columns(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 1))
    with wd.watch(model, torch.optim.SGD(model.parameters(), lr=0.1), tmp_path / "run"):
        pass
    session = Session(open_run(tmp_path / "run"), Subject.given(model, torch.zeros(3, 1, 2, 2)))
    with pytest.raises(OptionError, match="a table"):
        RangesQuestion().answer(session)
