from __future__ import annotations

from pathlib import Path

import torch

import weightdesk as wd
from weightdesk.server.questions.growth import GrowthQuestion
from weightdesk.server.session import Session


def test_it_follows_the_run(tmp_path: Path) -> None:
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with wd.watch(model, optimizer, tmp_path / "run", every=1):
        session = Session(wd.open_run(tmp_path / "run"))
        assert GrowthQuestion().answer(session).status == "running"
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()
    found = GrowthQuestion().answer(session)
    assert (found.status, found.last_step, found.snapshots) == ("finished", 1, 2)
