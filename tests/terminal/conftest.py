"""Runs to show."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from terminal_recordings import Record, record_noise
from torch import nn

from weightdesk import Run


@pytest.fixture
def record(tmp_path: Path) -> Record:
    """Record a model that is trained on noise."""
    return partial(record_noise, tmp_path / "run")


@pytest.fixture
def pictures(record: Record) -> Run:
    """A run of a small convolutional network."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4), nn.Tanh())
    return record(network, 2, 4, 4)
