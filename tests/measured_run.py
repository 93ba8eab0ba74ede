"""A training of which every step was measured, whatever it cost."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from weightdesk.runs import Run, open_run
from weightdesk.training import Recipe, train

STEPS = 8


@cache
def measured_run() -> Run:
    """Some steps of a small network on handwritten digits, with a snapshot of each."""
    recipe = Recipe.create("digits", network="mlp", layers=(12, 8), steps=STEPS)
    return open_run(train(recipe, Path(mkdtemp()) / "measured", every=1, cost=None).directory)
