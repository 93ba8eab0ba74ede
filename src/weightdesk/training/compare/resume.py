"""What an interrupted comparison need not do again."""

from __future__ import annotations

from pathlib import Path

from weightdesk.errors import RunExistsError, RunNotFoundError
from weightdesk.runs import Run, open_run, open_store
from weightdesk.runs.stores.regularfiles import refuse_obstacle
from weightdesk.training.recipe import Recipe
from weightdesk.training.recorded import without_place


def is_done(folder: Path, recipe: Recipe) -> bool:
    """Whether a member's run is finished; the files of an unfinished one of its recipe are removed.

    Arguments:
        folder: where the member's run goes.
        recipe: what the member does.

    Raises:
        RunExistsError: the folder holds a run of another recipe, one that is still written, or is a link.

    >>> is_done(Path("runs/nowhere"), Recipe.create("xor"))
    False
    """
    refuse_obstacle(folder, folder=True)
    try:
        run = open_run(folder)
    except RunNotFoundError:
        return False
    _refuse_other(run, folder, recipe)
    if run.status == "finished":
        return True
    if run.status == "running":
        raise RunExistsError(f"{folder} is being trained by another process: wait for it, or end it")
    _remove(folder)
    return False


def _remove(folder: Path) -> None:
    """Remove the files of the run; what else lies in its folder stays."""
    store = open_store(folder)
    release = store.hold()
    try:
        store.clear()
    finally:
        release()


def _refuse_other(run: Run, folder: Path, recipe: Recipe) -> None:
    if run.recipe is None or without_place(Recipe.from_dict(run.recipe)) != without_place(recipe):
        raise RunExistsError(
            f"{folder} already holds a run of another recipe; give --run another folder, or remove this one"
        )
