"""Which trainings a comparison takes: every setting with every seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from weightdesk.errors import OptionError
from weightdesk.training.compare.varying import Setting, combinations
from weightdesk.training.data import content_hash
from weightdesk.training.recipe import Recipe


@dataclass(frozen=True)
class Member:
    """One training of a comparison.

    Attributes:
        name: of its folder inside the comparison's, such as `he_normal-seed0`.
        setting: name of its setting.
        seed: of its weights, order and dropout.
        recipe: all that it does.
    """

    name: str
    setting: str
    seed: int
    recipe: Recipe


@dataclass(frozen=True)
class Plan:
    """All trainings of a comparison.

    Attributes:
        source: the data set or path, as it was given.
        vary: the values of each option that is varied.
        settings: every combination of them.
        seeds: the same for every setting, so that settings can be compared seed by seed.
        members: settings by seeds; all settings of the first seed come first.
    """

    source: str
    vary: Mapping[str, tuple[Any, ...]]
    settings: tuple[Setting, ...]
    seeds: tuple[int, ...]
    members: tuple[Member, ...]

    def of_setting(self, name: str) -> tuple[Member, ...]:
        """The members of a setting, by seed."""
        return tuple(each for each in self.members if each.setting == name)


def make_plan(source: str | Path, vary: Mapping[str, Sequence[Any]], seeds: int = 5, **options: Any) -> Plan:
    """Plan a comparison; nothing is trained or written.

    Arguments:
        source: a built-in data set or a path, as for `Recipe.create`.
        vary: the values of each option that is varied.
        seeds: how many; they count up from the option `seed`.
        options: what holds for all members.

    Raises:
        OptionError: an option is unknown or impossible, or is both varied and given.
        DataError: nothing that can be read is at the path.

    >>> plan = make_plan("xor", {"init": ["zeros", "he_normal"]}, seeds=2)
    >>> [each.name for each in plan.members]
    ['zeros-seed0', 'he_normal-seed0', 'zeros-seed1', 'he_normal-seed1']
    """
    if seeds < 1:
        raise OptionError(f"--seeds must be a whole number of at least 1, got {seeds}")
    both = sorted(set(vary) & {name for name, value in options.items() if value is not None})
    if both:
        raise OptionError(f"--{both[0].replace('_', '-')} is given and varied: leave one of them out")
    settings = combinations(vary)
    recipes = {each.name: Recipe.create(source, **{**options, **each.options}) for each in settings}
    recipes = {name: _pinned(recipe) for name, recipe in recipes.items()}
    first = next(iter(recipes.values())).seed
    numbers = tuple(range(first, first + seeds))
    members = tuple(
        Member(f"{each.folder}-seed{seed}", each.name, seed, recipes[each.name].changed(seed=seed))
        for seed in numbers
        for each in settings
    )
    return Plan(str(source), {name: tuple(each) for name, each in vary.items()}, settings, numbers, members)


def _pinned(recipe: Recipe) -> Recipe:
    """The recipe with the hash of the user's files, so that all members learn from the same ones."""
    return replace(recipe, data=replace(recipe.data, content_hash=content_hash(recipe.data)))
