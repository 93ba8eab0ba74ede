from __future__ import annotations

import torch
from torch import nn

from weightdesk.explain.gradients.backward import backpropagate
from weightdesk.explain.gradients.returns import LOSS, returned
from weightdesk.explain.tracing import trace, untouched


def test_a_result_that_the_loss_uses_twice_is_sent_back_twice() -> None:
    class Auxiliary(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(2, 2), nn.Linear(2, 1)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            hidden = self.first(x)
            return hidden, self.last(hidden)

    model = Auxiliary()
    with untouched(model):
        passed = trace(model, torch.ones(3, 2), cut=True)
        hidden, outputs = passed.outputs
        back = backpropagate(passed, 5 * hidden.sum() + outputs.sum())
    found = returned(back, 0, 3)
    assert found.follower.tolist() == [1, LOSS]
    assert found.product.tolist() == [model.last.weight[0, 1].item(), 5]
    assert found.take(torch.tensor([1])).product.tolist() == [5]
    assert next(iter(found.rows()))[:2] == (1, 1)


def test_what_the_loss_does_not_need_gets_nothing_back() -> None:
    model = nn.Linear(2, 1)
    with untouched(model):
        passed = trace(model, torch.ones(1, 2), cut=True)
        back = backpropagate(passed, torch.zeros((), requires_grad=True) * 1)
    found = returned(back, 0, 0)
    assert found.follower.tolist() == [LOSS]
    assert found.product.tolist() == [0]
