"""Small recordings that the terminal is asked to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import nn

from weightdesk import Run, open_run, watch

Record: TypeAlias = Callable[..., Run]


def record_noise(
    folder: Path,
    model: nn.Module,
    *shape: int,
    steps: int = 4,
    names: Sequence[str] = ("loss",),
    **options: Any,
) -> Run:
    """Train a model for a few steps on noise, statistics at every step, and open what was recorded."""
    torch.manual_seed(1)
    inputs = torch.randn(6, *shape)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, folder, **{"cost": None, "every": 1, **options}) as recording:
        for _ in range(steps):
            optimizer.zero_grad()
            loss = (model(inputs) - 3).square().mean()
            loss.backward()
            recording.log(**dict.fromkeys(names, loss))
            optimizer.step()
    return open_run(folder)
