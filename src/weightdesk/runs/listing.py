"""The runs below a folder, each in one line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from weightdesk.errors import RunError, RunNotFoundError
from weightdesk.paths import expand_home
from weightdesk.runs.door import list_names
from weightdesk.runs.format import MANIFEST, SNAPSHOTS, TABLES
from weightdesk.runs.parent import Parent
from weightdesk.runs.run import Run, open_run
from weightdesk.runs.stores import Store, open_store


@dataclass(frozen=True)
class RunSummary:
    """What a list of runs says of one of them.

    Attributes:
        path: its folder.
        status: see `Run.status`; `damaged` where it cannot be read.
        created: when the recording began, ISO 8601 in UTC.
        model: class of the model.
        recipe: name of the built-in training.
        parent: what its first weights were taken from, in words; None where they were the model's own.
        weights: number of weights.
        last_step: the highest step known.
        metrics: the last value of each logged scalar, NaN where the training diverged.
        size: bytes of all its files.
        error: for a damaged run, what is wrong.
    """

    path: str
    status: str
    created: str | None = None
    model: str | None = None
    recipe: str | None = None
    parent: str | None = None
    weights: int | None = None
    last_step: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    size: int = 0
    error: str | None = None


def find_runs(folder: str | os.PathLike[str]) -> list[RunSummary]:
    """Summaries of all runs in the folder and below, the oldest first, damaged ones at the end.

    Raises:
        RunNotFoundError: there is no such folder.

    >>> import tempfile
    >>> find_runs(tempfile.mkdtemp())
    []
    """
    root = expand_home(folder)
    if not root.is_dir():
        raise RunNotFoundError(f"no folder {root}; expected one with runs in it or below it")
    summaries = [summarise(path) for path in _run_folders(root)]
    return sorted(summaries, key=lambda each: (each.created or "~", each.path))


def summarise(path: str | os.PathLike[str]) -> RunSummary:
    """The summary of one run; a damaged one is described, not raised."""
    place = os.fspath(path)
    try:
        return _summary(open_run(place), folder_size(open_store(place)))
    except RunError as error:
        return RunSummary(place, "damaged", error=str(error))
    except OSError as error:  # such as a lease that only its owner may look at
        return RunSummary(place, "damaged", error=f"{place} cannot be read: {error.strerror or error}")


def folder_size(store: Store) -> int:
    """Bytes of all finished files of a run."""
    total = 0
    for folder in ("", *TABLES, SNAPSHOTS):
        for name in list_names(store, folder):
            try:
                total += store.size(name)
            except FileNotFoundError:
                continue  # merged or thinned away since it was listed
    return total


def _run_folders(root: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(root):
        if MANIFEST in files:
            folders.clear()  # a run holds no other runs
            yield Path(place)
        folders[:] = sorted(name for name in folders if not name.startswith("."))


def _summary(run: Run, size: int) -> RunSummary:
    manifest = run.manifest
    return RunSummary(
        path=run.path,
        status=run.status,
        created=manifest.created,
        model=manifest.model.get("class"),
        recipe=_recipe_name(manifest.recipe),
        parent=str(Parent.from_dict(manifest.parent)) if manifest.parent else None,
        weights=sum(parameter.size for parameter in run.parameters.values()),
        last_step=run.last_step,
        metrics=_last_values(run),
        size=size,
    )


def _last_values(run: Run) -> dict[str, float]:
    table = run.metrics
    columns = {name: table.column(name).drop_null() for name in table.column_names[2:]}
    return {name: float(column[-1].as_py()) for name, column in columns.items() if len(column)}


def _recipe_name(recipe: Mapping[str, Any] | None) -> str | None:
    """Name of the built-in data of a recipe, or of the user's file."""
    data = (recipe or {}).get("data")
    if not isinstance(data, Mapping):
        return None
    path, kind = data.get("path"), data.get("kind")
    if isinstance(path, str) and path:
        return PurePath(path).name
    return kind if isinstance(kind, str) else None
