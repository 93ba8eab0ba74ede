from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from weightdesk import open_run, watch
from weightdesk.errors import OptionError
from weightdesk.runs import Run
from weightdesk.server import unitreader
from weightdesk.server.questions.norms import NormsQuestion
from weightdesk.server.session import Session


@pytest.mark.parametrize("together", [1, 100, 10**6])
def test_they_are_those_of_the_units_however_many_are_read_together(
    digits_run: Run, digits_session: Session, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(unitreader, "_TOGETHER", together)
    for name in digits_run.parameters:
        found = torch.from_numpy(NormsQuestion(parameter=name, step=3).answer(digits_session).values)
        units = digits_run.weights(name, 3).flatten(1) if "weight" in name else None
        expected = digits_run.weights(name, 3).abs() if units is None else units.norm(dim=1)
        torch.testing.assert_close(found, expected)


def test_one_number_has_no_units(tmp_path: Path) -> None:
    model = nn.ParameterDict({"gain": nn.Parameter(torch.ones(()))})
    with watch(model, torch.optim.SGD(model.parameters(), lr=0.1), tmp_path / "run"):
        pass
    with pytest.raises(OptionError, match="gain is one number"):
        NormsQuestion(parameter="gain", step=0).answer(Session(open_run(tmp_path / "run")))
