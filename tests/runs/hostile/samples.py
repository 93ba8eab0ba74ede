"""Sound runs to begin with: one of a user's own loop, one of a built-in training, one of several ranks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import torch
from small_run import sampled_rows, statistics_rows
from torch import nn

import weightdesk
from weightdesk.runs import open_store
from weightdesk.runs.parts import PartWriter
from weightdesk.runs.stackedsteps import Row, write_rows


class Tied(nn.Module):
    """A network with batch normalisation, an activation that may die, and tied weights."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 3)
        self.norm = nn.BatchNorm1d(3)
        self.act = nn.ReLU()
        self.last = nn.Linear(3, 4, bias=False)
        self.again = nn.Linear(3, 4, bias=False)
        self.again.weight = self.last.weight

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden = self.act(self.norm(self.first(inputs)))
        return self.last(hidden) + self.again(hidden)


def record_samples(folder: Path) -> None:
    """Write the three runs below the folder."""
    record_loop(folder / "loop", torch.optim.Adam)
    record_loop(folder / "ranks", lambda parameters, lr: torch.optim.SGD(parameters, lr, momentum=0.9), 6)
    _add_ranks(folder / "ranks")
    _add_rows(folder / "ranks")
    from weightdesk.training import Recipe, train

    recipe = Recipe.create("digits", network="mlp", layers=(8,), steps=6, l2=0.01, max_norm=2.0)
    train(recipe, folder / "digits", every=2)


def record_loop(place: Path, optimizer: Callable[..., torch.optim.Optimizer], every: int = 4) -> None:
    """Write a run of twelve steps, with a snapshot of some."""
    torch.manual_seed(0)
    model = Tied()
    moved = optimizer(model.parameters(), lr=0.05)
    with weightdesk.watch(model, moved, place, every=every, cost=None, check=False) as recording:
        for _ in range(12):
            inputs = torch.randn(16, 4)
            loss = nn.functional.cross_entropy(model(inputs), inputs.argmax(1))
            moved.zero_grad()
            loss.backward()
            moved.step()
            recording.log(loss=loss, accuracy=0.5)


def _add_rows(place: Path) -> None:
    """Four more steps, in one file."""
    state = Tied().state_dict()
    names = ("first.weight", "last.weight")
    beside = {f"{name}@{key}": state[name] for name in names for key in ("gradient", "update")}
    about = {"optimizer": '"SGD"', "options": '{"first.weight": {"lr": 0.05}}'}
    write_rows(open_store(place), [Row(step, state | beside, about) for step in range(13, 17)])


def _add_ranks(place: Path) -> None:
    """Parts of a second process, and some that are not merged."""
    store = open_store(place)
    for rank in (0, 1):
        writer = PartWriter(store, "statistics", rank=rank)
        for first in (20, 24):
            writer.append(statistics_rows(range(first, first + 4), ranks=2))
    PartWriter(store, "sampled", rank=1).append(sampled_rows(range(20, 24)))
    PartWriter(store, "metrics", rank=1).append(pa.table({"step": [20], "time": [1.0], "loss": [0.5]}))
