from __future__ import annotations

import pytest
import torch
from torch import nn

from weightdesk.explain.updates.optimizers import OptimizerStep, terms_of
from weightdesk.explain.updates.optimizers.sparse_adam import sparse_adam


@pytest.mark.parametrize("maximize", [False, True])
def test_rows_with_a_gradient_move_and_the_others_stay(maximize: bool) -> None:
    torch.manual_seed(0)
    table = nn.Embedding(6, 3, sparse=True)
    optimizer = torch.optim.SparseAdam(table.parameters(), lr=0.01, maximize=maximize)
    for rows in ([0, 1, 1], [1, 2], [0, 5], [1, 1]):
        optimizer.zero_grad()
        table(torch.tensor(rows)).square().sum().backward()
        before, gradient = table.weight.detach().clone(), table.weight.grad
        assert gradient is not None
        state = optimizer.state[table.weight]
        state = {key: torch.as_tensor(each).clone() for key, each in state.items()}
        start = OptimizerStep(before, gradient.to_dense(), state, optimizer.param_groups[0])
        optimizer.step()
        split = sparse_adam(start)
        move = sum(term.value for term in terms_of(start, split))
        torch.testing.assert_close(
            before.double() + move, table.weight.detach().double(), rtol=3e-7, atol=1e-9
        )
        for key, each in split.state.items():
            torch.testing.assert_close(each, optimizer.state[table.weight][key])
        untouched = [row for row in range(6) if row not in rows]
        assert not move[untouched].any()
