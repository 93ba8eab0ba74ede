"""A small network that learns what no single input tells, with its weights at some steps."""

from __future__ import annotations

import copy
from functools import cache

import torch
from torch import Tensor, nn

from weightdesk.capture import Specimen

STEPS = (0, 5, 20, 60, 150)
CLASSES = ("same sign", "other sign")


def examples(count: int = 400, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Whether the first two of six numbers have the same sign."""
    inputs = torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))
    return inputs, (inputs[:, 0] * inputs[:, 1] < 0).long()


@cache
def networks() -> dict[int, nn.Module]:
    """The network at each of the steps."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 12), nn.ReLU(), nn.Linear(12, 2))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    inputs, targets = examples(1000, seed=1)
    kept: dict[int, nn.Module] = {}
    for step in range(STEPS[-1] + 1):
        if step in STEPS:
            kept[step] = copy.deepcopy(net).eval()
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(inputs), targets).backward()
        optimizer.step()
    return kept


def specimen(count: int = 400) -> Specimen:
    """The network at its last step, on examples that it has not learned from."""
    inputs, targets = examples(count)
    return Specimen(networks()[STEPS[-1]], inputs, targets, CLASSES)
