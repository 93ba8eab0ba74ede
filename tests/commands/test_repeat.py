from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from weightdesk import Run, open_run, watch
from weightdesk.commands.repeat import Repetition, compare, stored_recipe
from weightdesk.errors import OptionError, StepNotKeptError


def recorded(folder: Path, weights: list[float], steps: int = 1) -> Run:
    model = nn.Linear(len(weights), 1, bias=False)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([weights]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with watch(model, optimizer, folder, every=1):
        for _ in range(steps):
            model.weight.grad = torch.zeros_like(model.weight)
            optimizer.step()
    return open_run(folder)


def test_equal_bits_are_equal_even_where_numbers_are_not(tmp_path: Path) -> None:
    one = recorded(tmp_path / "one", [float("nan"), 1.0])
    other = recorded(tmp_path / "other", [float("nan"), 1.0], steps=3)
    found = compare(one, other)
    assert (found.same, found.step, found.parameters) == (True, 1, 1)
    assert found.sentence().startswith("the same bits as")


def test_equal_numbers_of_other_bits_are_different(tmp_path: Path) -> None:
    found = compare(recorded(tmp_path / "one", [0.0]), recorded(tmp_path / "other", [-0.0]))
    assert found.different == ("weight",)
    assert found.sentence().startswith("NOT the same bits as")
    assert found.sentence().endswith("1 of 1 parameters differ after step 1 (weight)")


def test_few_of_many_differences_are_named() -> None:
    assert "(a, b, c …)" in Repetition("run", 3, ("a", "b", "c", "d"), 9).sentence()


def test_runs_without_a_step_in_common_cannot_be_compared(tmp_path: Path) -> None:
    run = recorded(tmp_path / "one", [0.0])
    for file in (tmp_path / "one" / "snapshots").iterdir():
        file.unlink()
    with pytest.raises(StepNotKeptError, match="no snapshot of one step"):
        compare(run, run)


def test_a_run_of_somebodys_own_loop_cannot_be_repeated(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="keeps no recipe"):
        stored_recipe(recorded(tmp_path, [0.0]))
