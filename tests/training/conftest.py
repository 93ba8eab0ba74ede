from __future__ import annotations

from typing import Any

import pytest
import torch

from weightdesk.training.loop import Course
from weightdesk.training.preparation import Preparation, prepare
from weightdesk.training.randomness import seeded
from weightdesk.training.recipe import Recipe


class MemoryRecorder:
    """Keeps what is logged, and can end the training as Ctrl-C would."""

    cost = 0.25

    def __init__(self, interrupt_at: int | None = None) -> None:
        self.logged: list[dict[str, float]] = []
        self.interrupt_at = interrupt_at

    def log(self, **values: Any) -> None:
        self.logged.append({name: float(value) for name, value in values.items()})
        if self.interrupt_at is not None and len(self.series("lr")) > self.interrupt_at:
            raise KeyboardInterrupt

    def series(self, name: str) -> list[float]:
        return [row[name] for row in self.logged if name in row]


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Several test processes on few cores wait for each other when each takes all cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def new_recorder() -> type[MemoryRecorder]:
    return MemoryRecorder


@pytest.fixture
def follow():
    """Train by a recipe without keeping a run; returns the preparation, trained, and what was logged."""

    def run(source: Any, **options: Any) -> tuple[Preparation, MemoryRecorder]:
        recipe = source if isinstance(source, Recipe) else Recipe.create(source, **options)
        prepared, recorder = prepare(recipe), MemoryRecorder()
        with seeded(recipe.seed):
            Course(prepared).run(recorder)
        return prepared, recorder

    return run
