from __future__ import annotations

import pytest
import torch
from gradient_networks import CASES, cases
from torch import nn

from weightdesk.explain.gradients.backward import backpropagate
from weightdesk.explain.tracing import trace, untouched


@pytest.mark.parametrize("name", CASES)
def test_every_delta_is_autograd_s(name: str) -> None:
    case = cases()[name]
    with untouched(case.model):
        passed = trace(case.model, case.inputs, cut=True)
        back = backpropagate(passed, case.loss(passed.outputs, case.targets))
    with untouched(case.model):
        whole = trace(case.model, case.inputs)
        loss = case.loss(whole.outputs, case.targets)
        edges = [each.edge for each in whole.stations]
        expected = torch.autograd.grad(loss, edges, allow_unused=True)  # type: ignore[arg-type]
    assert back.loss == loss
    for number, delta in enumerate(expected):
        assert delta is not None
        assert torch.allclose(back.delta(number), delta, rtol=1e-11, atol=1e-14)


def test_residual_connections_have_several_followers() -> None:
    case = cases()["gpt"]
    with untouched(case.model):
        passed = trace(case.model, case.inputs, cut=True)
        back = backpropagate(passed, case.loss(passed.outputs, case.targets))
    names = [each.module for each in back.stations]
    followers = {
        name: [names[each] for each in after] for name, after in zip(names, back.followers, strict=True)
    }
    assert followers["tokens"] == followers["places"] == ["norm", "norm2", "norm1"]
    assert followers["qkv"] == ["projection"]
    assert followers["contract"] == ["norm"]
    assert [name for name, direct in zip(names, back.direct, strict=True) if direct is not None] == ["head"]


def test_nothing_before_the_first_station_asked_for_is_computed() -> None:
    model = nn.Sequential(*(nn.Linear(2, 2) for _ in range(4)))
    with untouched(model):
        passed = trace(model, torch.ones(1, 2), cut=True)
        back = backpropagate(passed, passed.outputs.sum(), first=2)
    assert [each is None for each in back.deltas] == [True, True, False, False]
    assert back.followers == ((), (), (3,), ())


def test_what_the_loss_does_not_depend_on_has_no_delta() -> None:
    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.spare, self.after = (nn.Linear(2, 2) for _ in range(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.after(self.spare(x))
            return self.used(x)

    model = Spare()
    with untouched(model):
        passed = trace(model, torch.ones(1, 2), cut=True)
        back = backpropagate(passed, passed.outputs.sum())
    assert back.deltas[0] is back.deltas[1] is None
    assert back.followers == ((), (), ())
    assert torch.equal(back.delta(0), torch.zeros(1, 2))


def test_a_loss_that_does_not_depend_on_the_outputs_sends_nothing_back() -> None:
    model = nn.Linear(2, 2)
    with untouched(model):
        back = backpropagate(trace(model, torch.ones(1, 2), cut=True), torch.zeros(()))
    assert back.deltas == (None,)
