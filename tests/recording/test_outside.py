"""What moves weights between two steps is told, and what does not is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim import SGD

from weightdesk import open_run, watch

STEPS = 6


def clip_weights(model: nn.Module, step: int) -> None:
    if step >= 2:
        with torch.no_grad():
            model.weight.clamp_(-0.05, 0.05)


def move_back_and_forth(model: nn.Module, step: int) -> None:
    kept = model.weight.detach().clone()
    with torch.no_grad():
        model.weight.zero_()
        model.weight.copy_(kept)


CASES: dict[str, tuple[Callable[[nn.Module, int], object], list[int]]] = {
    "nothing": (lambda model, step: None, []),
    "an evaluation": (lambda model, step: model.eval()(torch.ones(1, 4)), []),
    "an average that is put in their place and taken out again": (move_back_and_forth, []),
    "weights that are clipped": (clip_weights, [3, 4, 5]),
    "not a number": (lambda model, step: step == 3 and model.bias.data.fill_(torch.nan), [4]),
}


@pytest.mark.parametrize("case", CASES)
def test_only_what_moves_weights_is_told(case: str, tmp_path: Path) -> None:
    between, steps = CASES[case]
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    optimizer = SGD(model.parameters(), 0.1)
    with watch(model, optimizer, tmp_path / "run", cost=None, every=1):
        for step in range(STEPS):
            optimizer.zero_grad()
            model(torch.ones(2, 4)).square().sum().backward()
            optimizer.step()
            between(model, step)
    facts = open_run(tmp_path / "run").manifest.recording
    told = facts.get("changed_outside", {"steps": [], "parameters": []})
    assert told["steps"] == steps
    assert bool(told["parameters"]) == bool(steps)
    assert any("something other than the optimizer" in note for note in facts["notes"]) == bool(steps)
