"""What `--from` names: weights to go on from, and the recipe that they were trained by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weightdesk.errors import OptionError, WeightFileError

if TYPE_CHECKING:
    from weightdesk.runs import Run
    from weightdesk.training import Recipe, Start


@dataclass(frozen=True, eq=False)
class Origin:
    """Weights to go on from.

    Attributes:
        start: the weights, and where they come from.
        recipe: that they were trained by, as its run stored it; None where that is not known.
        near: the folder of the run, or of the weight file.
    """

    start: Start
    recipe: dict[str, Any] | None
    near: str


def find_origin(place: str, step: str | None = None) -> Origin:
    """Find out what `--from` names.

    Arguments:
        place: a run, a snapshot inside of one, or a weight file.
        step: which snapshot of a run; the last one where left out.

    Raises:
        WeightFileError: there is no such file, or it holds no weights.
        StepNotKeptError: the run keeps no snapshot of the step.
        OptionError: the step is no number, or a file was named, which has only one.
    """
    from weightdesk.runs import open_run, open_store
    from weightdesk.runs.format import MANIFEST

    if open_store(place).exists(MANIFEST):
        return _of_run(open_run(place), None if step is None else _whole(step))
    if step is not None:
        raise OptionError(f"--step chooses a snapshot of a run, and {place} is none: leave it out")
    return _of_snapshot(Path(place)) or _of_file(place)


def repeated_start(run: Run) -> Start | None:
    """Where a run that is to be repeated began: at its own step 0, if not at weights of its recipe."""
    from weightdesk.training import Start

    parent = run.manifest.parent
    return Start(partial(run.load_into, step=0), parent) if parent else None


def continued_recipe(origin: Origin, place: str, options: dict[str, Any], data: str | None = None) -> Recipe:
    """The recipe by which to go on: the one before, but for the options given.

    Raises:
        OptionError: there is none before, or an option is impossible.
    """
    from weightdesk.training import Recipe, located_recipe

    if origin.recipe is None:
        raise OptionError(
            f"{place} keeps no recipe: say what to train on, such as `weightdesk train digits --from …`, "
            "with the network that the weights are of"
        )
    return Recipe.from_dict(located_recipe(origin.recipe, origin.near, data)).changed(**options)


def _of_run(run: Run, step: int | None) -> Origin:
    from weightdesk.runs import Parent
    from weightdesk.runs.steps import choose_step
    from weightdesk.training import Start

    chosen = choose_step(-1 if step is None else step, run.steps, "snapshot")
    start = Start(partial(run.load_into, step=chosen), Parent(run.path, chosen).to_dict())
    return Origin(start, run.recipe, run.path)


def _of_snapshot(file: Path) -> Origin | None:
    """The run and the step of a file that lies among a run's snapshots; None for any other."""
    from weightdesk.runs import open_run, open_store
    from weightdesk.runs.format import MANIFEST, SNAPSHOTS

    folder = file.parent.parent
    if file.parent.name != SNAPSHOTS or not open_store(folder).exists(MANIFEST):
        return None
    stem = file.name.removesuffix(".safetensors")
    if not stem.isdigit():
        raise WeightFileError(
            f"{file} is no snapshot of weights; expected a name such as 00000128.safetensors, or the run "
            f"{folder} itself"
        )
    return _of_run(open_run(folder), int(stem))


def _of_file(place: str) -> Origin:
    from weightdesk.runs import Parent
    from weightdesk.runs.loading import load_state
    from weightdesk.runs.weightfile import read_weights
    from weightdesk.training import Start

    found = read_weights(place)
    parent = Parent.from_metadata(found.metadata, place)
    start = Start(lambda model: load_state(model, found.tensors, place), parent.to_dict())
    return Origin(start, _recipe(found.metadata, place), str(Path(place).parent))


def _recipe(metadata: Any, place: str) -> dict[str, Any] | None:
    try:
        stored: dict[str, Any] | None = json.loads(metadata.get("recipe", "null"))
    except ValueError as error:
        raise WeightFileError(f"the recipe in the metadata of {place} is damaged: {error}") from None
    return stored


def _whole(step: str) -> int:
    try:
        return int(step)
    except ValueError:
        raise OptionError(f"--step must be a whole number, got {step!r}") from None
