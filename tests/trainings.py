"""Small networks, batches and loops that many tests share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def small_network(seed: int = 0) -> nn.Sequential:
    """A classifier of 3×8×8 pictures with a kernel, a normalisation, a tied shape of everything."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(144, 8),
        nn.Tanh(),
        nn.Linear(8, 5),
    )


def small_batch(seed: int = 0, size: int = 16) -> tuple[Tensor, Tensor]:
    """Random pictures and labels for the small network."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, 3, 8, 8, generator=generator), torch.randint(0, 5, (size,), generator=generator)


def run_steps(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    steps: int,
    after: Callable[[int, Tensor], object] = lambda step, loss: None,
) -> None:
    """Plain training, a new batch a step."""
    for step in range(steps):
        inputs, targets = small_batch(step)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        after(step, loss)
