from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.training.schedules import SCHEDULES, learning_rate

REFERENCE = {
    "constant": lambda optimizer: torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0),
    "cosine": lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=30),
    "step": lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.1),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_each_agrees_with_torchs(name):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler = REFERENCE[name](optimizer)
    for step in range(30):
        assert learning_rate(name, 0.3, step, 30) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12)
        optimizer.step()
        scheduler.step()


@given(st.sampled_from(sorted(SCHEDULES)), st.integers(1, 500), st.data())
def test_a_rate_stays_above_zero_and_never_rises(name, steps, data):
    step = data.draw(st.integers(0, steps - 1))
    rates = [learning_rate(name, 1.0, each, steps) for each in range(step + 1)]
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] <= rates[0] == 1
