from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import weightdesk
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.optimizer_reset import _whole
from weightdesk.runs import open_run


@pytest.mark.parametrize("odd", ["fast", [0.9], {"a": 1}, None])
def test_options_that_are_no_numbers_are_none_to_rules(tmp_path: Path, odd: Any) -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with weightdesk.watch(model, optimizer, tmp_path, check=False):
        for _ in range(15):
            optimizer.zero_grad()
            model(torch.randn(4, 3)).square().mean().backward()
            optimizer.step()
    file = tmp_path / "run.json"
    content = json.loads(file.read_text())
    content["optimizers"][0]["groups"][0]["options"] |= {"momentum": odd, "weight_decay": odd}
    file.write_text(json.dumps(content))
    options = Record(open_run(tmp_path)).options["weight"]
    assert options["class"] == "SGD"
    assert options["lr"] == 0.1
    assert not {"momentum", "weight_decay"} & options.keys()
    assert "optimizer_reset" not in [finding.rule for finding in weightdesk.check(tmp_path)]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (None, None),
        (torch.tensor(3.0), 3),
        (torch.tensor([7]), 7),
        (torch.tensor(float("nan")), None),
        (torch.tensor(float("inf")), None),
        (torch.zeros(2), None),
        (torch.zeros(0), None),
        (torch.tensor(1j), None),
    ],
)
def test_only_a_single_number_is_a_count_of_steps(count: torch.Tensor | None, expected: int | None) -> None:
    assert _whole(count) == expected
