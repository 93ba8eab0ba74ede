"""The recipe of a run, made fit to be used: its run may be of somebody else, and say anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from weightdesk.errors import OptionError
from weightdesk.paths import in_utf8, portable_path
from weightdesk.training.data.finding import find_data
from weightdesk.training.networks.size import count_weights
from weightdesk.training.plans import plan_of
from weightdesk.training.recipe import Recipe


class RecordedParameter(Protocol):
    """A parameter of a run."""

    @property
    def size(self) -> int:
        """Number of its weights."""
        ...


class RecordedRun(Protocol):
    """What is needed of a run; `weightdesk.Run` has it."""

    @property
    def path(self) -> str:
        """Its folder or address."""
        ...

    @property
    def recipe(self) -> Mapping[str, Any] | None:
        """As the run stored it."""
        ...

    @property
    def parameters(self) -> Mapping[str, RecordedParameter]:
        """The recorded parameters by name."""
        ...


def recorded_recipe(run: RecordedRun, data: str | None = None) -> dict[str, Any]:
    """The recipe that a run stored, for `held_out`, `replays` and `Recipe.from_dict`.

    Its values are within the ranges of the options, its network is the one that was recorded, and its data
    are those that were trained on, see `find_data`.

    Arguments:
        run: of a built-in training.
        data: the file or folder of the user's own data; None: they are looked for.

    Raises:
        OptionError: the run keeps no recipe, or an impossible one.
        DataError: its data are not there, or not the same.
    """
    if run.recipe is None:
        raise OptionError(
            f"{run.path} keeps no recipe: it is of a training loop of its own, and only a training that "
            "`weightdesk train` made can be built again"
        )
    recipe = Recipe.from_dict(run.recipe)
    weights = count_weights(recipe.network, plan_of(recipe, run.recipe))
    recorded = sum(each.size for each in run.parameters.values())
    if weights != recorded:
        raise OptionError(
            f"the recipe of {run.path} makes a network of {weights:,} weights, and {recorded:,} were "
            "recorded: its run.json is damaged or was changed"
        )
    return located_recipe(run.recipe, run.path, data)


def located_recipe(stored: Mapping[str, Any], near: str, data: str | None = None) -> dict[str, Any]:
    """A stored recipe with the path of its data on this machine.

    Arguments:
        stored: as a run, or the metadata of a weight file, has it.
        near: the folder of the run or of the weight file.
        data: the file or folder of the user's own data; None: they are looked for.

    Raises:
        OptionError: a name or a value is impossible.
        DataError: its data are not there, or not the same.

    >>> located_recipe(Recipe.create("xor").to_dict(), "runs/xor")["data"]["kind"]
    'xor'
    """
    source = find_data(Recipe.from_dict(stored).data, near, data)
    return {**stored, "data": vars(source)}


def portable_recipe(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe as a run stores it: of its data the name is told, and not the folder.

    >>> portable_recipe({"data": {"kind": "table", "path": "/home/ada/wine.csv"}})
    {'data': {'kind': 'table', 'path': 'wine.csv'}}
    """
    data = stored["data"]
    return {**stored, "data": {**data, "path": in_utf8(portable_path(data["path"]))}}


def without_place(recipe: Recipe) -> Recipe:
    """A recipe whose data are known by their content alone, to be compared with others."""
    return replace(recipe, data=replace(recipe.data, path=""))
