from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from weightdesk import open_run, watch
from weightdesk.errors import RunFormatError, StepNotKeptError
from weightdesk.runs import Run
from weightdesk.runs.format import snapshot_name
from weightdesk.server import unitreader
from weightdesk.server.session import Session
from weightdesk.server.unitreader import UnitReader


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Layers of several shapes and kinds of numbers, of which two share their weights."""
    model = nn.Sequential(nn.Conv2d(2, 5, 3), nn.Flatten(), nn.Linear(5, 4), nn.Linear(5, 4))
    model[3].weight = model[2].weight
    model[0].to(torch.bfloat16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, tmp_path / "run", every=1):
        for _ in range(2):
            (model[2](torch.ones(2, 5)) + model[3](torch.ones(2, 5))).sum().backward()
            optimizer.step()
    return open_run(tmp_path / "run")


@pytest.mark.parametrize("name", ["0.weight", "2.weight", "2.bias", "3.weight"])
def test_units_are_those_of_the_run_in_their_own_numbers(run: Run, name: str) -> None:
    reader = UnitReader.of(Session(run))
    for step in run.steps:
        whole = run.weights(name, step)
        for start in range(len(whole)):
            for stop in range(start + 1, len(whole) + 1):
                found = reader.read(name, step, start, stop)
                assert found.dtype == whole.dtype
                assert torch.equal(found, whole[start:stop])


def test_blocks_are_all_units_and_none_is_larger_than_it_may_be(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unitreader, "_TOGETHER", 40)
    blocks = [*UnitReader(run).blocks("0.weight", 1)]
    assert [len(each) for each in blocks] == [2, 2, 1]
    assert torch.equal(torch.cat(blocks), run.weights("0.weight", 1))


def test_what_is_not_there_is_told_as_the_run_tells_it(run: Run) -> None:
    reader = UnitReader(run)
    with pytest.raises(StepNotKeptError):
        reader.read("2.weight", 77, 0, 1)
    file = Path(run.path) / snapshot_name(1)
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(RunFormatError):
        [[*UnitReader(run).blocks(name, 1)] for name in run.parameters]
