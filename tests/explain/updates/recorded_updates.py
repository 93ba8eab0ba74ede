"""Small recorded trainings whose updates are explained."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

import weightdesk
from weightdesk.runs import Run


def two_layers(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    """A network of four inputs and two outputs."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2)).to(dtype)


def record(
    model: nn.Sequential,
    optimizer: torch.optim.Optimizer,
    place: Path,
    *,
    steps: int = 5,
    every: int | None = 1,
    after: Callable[[], object] = lambda: None,
) -> Run:
    """Train on random data, a new batch a step, and open the recording."""
    generator = torch.Generator().manual_seed(1)
    with weightdesk.watch(model, optimizer, place, every=every):
        for _ in range(steps):
            inputs = torch.randn(6, 4, generator=generator).to(model[0].weight.dtype)
            optimizer.zero_grad()
            (model(inputs) - inputs[:, :2]).square().sum().backward()
            optimizer.step()
            after()
    return weightdesk.open_run(place)


class Sign(torch.optim.Optimizer):
    """An optimizer that nobody knows."""

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        super().__init__(parameters, {"lr": 0.01})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.sub_(group["lr"] * parameter.grad.sign())
