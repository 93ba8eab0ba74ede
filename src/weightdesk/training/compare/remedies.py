"""What would help against overfitting: the same training again, with one remedy each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from weightdesk.training.compare.comparison import Comparison
from weightdesk.training.compare.member import Hear
from weightdesk.training.compare.plan import Member, Plan
from weightdesk.training.compare.running import Session
from weightdesk.training.compare.varying import Setting
from weightdesk.training.data.source import PLANE
from weightdesk.training.recipe import Recipe

AS_IT_IS: Final = "as it is"
_MADE_UP: Final = (*PLANE, "radio", "reviews", "shapes")

REMEDIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "L1 of 1e-4": {"l1": 1e-4},
    "L1 of 1e-3": {"l1": 1e-3},
    "L2 of 1e-3": {"l2": 1e-3},
    "L2 of 1e-2": {"l2": 1e-2},
    "dropout of a fifth": {"dropout": 0.2},
    "dropout of a half": {"dropout": 0.5},
    "stopping early": {"early_stop": 5},
}
"""What is tried, by name; where examples are made up, twice as many, too."""


def try_remedies(
    recipe: Recipe,
    folder: str | Path,
    *,
    seeds: int = 3,
    workers: int | None = None,
    hear: Hear | None = None,
) -> Comparison:
    """Train a recipe again as it is and with each remedy, by the same seeds.

    Arguments:
        recipe: of the training that overfits.
        folder: where the runs go.
        seeds: how many; they count up from the recipe's.
        workers, hear: as for `compare`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = try_remedies(Recipe.create("xor", steps=20, validation=0.2), folder, seeds=1)
    ...     print(len(found.results))
    9
    """
    settings = (
        Setting(AS_IT_IS, {}),
        *(Setting(name, options) for name, options in fitting_remedies(recipe).items()),
    )
    numbers = tuple(range(recipe.seed, recipe.seed + seeds))
    members = tuple(
        Member(f"{each.folder}-seed{seed}", each.name, seed, recipe.changed(seed=seed, **each.options))
        for seed in numbers
        for each in settings
    )
    plan = Plan(recipe.data.kind, {}, settings, numbers, members)
    session = Session(plan, Path(folder), {"cost": 0.02, "disk": "2GB", "every": None})
    session.run(workers, None, hear)
    return Comparison(session.folder, session.record)


def fitting_remedies(recipe: Recipe) -> dict[str, Mapping[str, Any]]:
    """The remedies that this training can take: stopping early needs examples to watch it by."""
    found = {name: each for name, each in REMEDIES.items() if recipe.validation or "early_stop" not in each}
    if recipe.data.kind in _MADE_UP:
        found["twice the examples"] = {"examples": 2 * recipe.data.examples}
    return found
