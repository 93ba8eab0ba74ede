"""What the training loop needs of a recording, and where it gets it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from weightdesk.training.preparation import Preparation
from weightdesk.training.recorded import portable_recipe


class Recorder(Protocol):
    """A recording under way."""

    @property
    def cost(self) -> float:
        """Share of the training time that recording took so far."""
        ...

    def log(self, **values: float | Tensor) -> object:
        """Keep scalars under the current step, without waiting for the device."""
        ...


def watch(
    prepared: Preparation, directory: str | Path, parent: Mapping[str, Any] | None = None, **budget: Any
) -> AbstractContextManager[Recorder]:
    """Return a recording of the training that is about to start, not yet entered."""
    from weightdesk.recording import watch as watch_model

    return watch_model(
        prepared.model,
        prepared.optimizer,
        directory,
        recipe=portable_recipe(prepared.stored),
        seeds={"seed": prepared.recipe.seed},
        parent=None if parent is None else dict(parent),
        **budget,
    )
