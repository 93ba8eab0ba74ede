from __future__ import annotations

import pytest
import torch
from torch import nn

from weightdesk.training.optimizers import OPTIMIZERS, make_optimizer, step_size
from weightdesk.training.randomness import seeded

REFERENCE = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.0),
}


def layer() -> nn.Linear:
    with seeded(0):
        return nn.Linear(4, 3)


def descend(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 20) -> list[torch.Tensor]:
    for step in range(steps):
        optimizer.zero_grad()
        model(torch.linspace(-1, 1 + step, 8).reshape(2, 4)).square().mean().backward()
        optimizer.step()
    return [each.detach() for each in model.parameters()]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_without_decay_each_is_torchs_own_bit_for_bit(name):
    ours, theirs = layer(), layer()
    got = descend(ours, make_optimizer(name, ours, lr=0.01))
    expected = descend(theirs, REFERENCE[name](theirs.parameters()))
    assert all(torch.equal(*pair) for pair in zip(got, expected, strict=True))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_biases_never_decay(name):
    model = layer()
    weights, biases = make_optimizer(name, model, lr=0.1, weight_decay=0.5).param_groups
    assert biases["params"] == [model.bias]
    assert biases["weight_decay"] == 0
    assert weights["weight_decay"] == (0.5 if OPTIMIZERS[name].decouples else 0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_step_size_is_how_far_a_steady_gradient_of_one_moves_a_weight(name):
    model = layer()
    optimizer = make_optimizer(name, model, lr=0.01)
    for _ in range(3000):
        before = model.weight.detach().clone()
        model.weight.grad, model.bias.grad = torch.ones(3, 4), torch.ones(3)
        optimizer.step()
    moved = before - model.weight.detach()
    expected = torch.as_tensor(step_size(optimizer, optimizer.param_groups[0], model.weight)).expand(3, 4)
    torch.testing.assert_close(moved, expected, rtol=1e-3, atol=1e-6)
