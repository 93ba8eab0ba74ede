"""One training of a comparison, wherever it runs: in this process, in a worker, or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias

from weightdesk.training.compare.onethread import one_thread
from weightdesk.training.outcome import Progress, Report
from weightdesk.training.recipe import Recipe

SNAPSHOTS: Final = 10
"""Snapshots of each member after the first, at the same steps for all seeds."""

Fate: TypeAlias = Literal["finished", "stopped early", "interrupted", "failed", "killed"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a member is to do, as plain JSON values.

    Attributes:
        name: of the member.
        recipe: as `Recipe.to_dict` gives it.
        directory: where its run goes.
        cost, disk, every: as for `train`; without `every` about ten snapshots are taken.
    """

    name: str
    recipe: Mapping[str, Any]
    directory: str
    cost: float | None = 0.02
    disk: str | int = "2GB"
    every: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what `Task(**…)` takes."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a member stands while it runs.

    Attributes:
        name: of the member.
        step: optimizer steps done, of `steps`.
        steps: of the whole training.
        loss: of the last batch.
        process: number of the process that trains it.
    """

    name: str
    step: int
    steps: int
    loss: float
    process: int


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a member ended.

    Attributes:
        name: of the member.
        status: `failed` by an exception, `killed` with its process.
        said: the error, or what came out, in a line.
    """

    name: str
    status: Fate
    said: str

    @property
    def is_done(self) -> bool:
        """Whether its run is whole."""
        return self.status in ("finished", "stopped early")


Hear: TypeAlias = Callable[[Standing | Ending], object]
"""Is told how members stand, and how each of them ended."""


def run_member(task: Task, progress: Progress | None = None) -> Ending:
    """Train one member on one thread and record it; an exception is its ending, not ours.

    Arguments:
        task: what to do.
        progress: called up to ten times a second.

    >>> import tempfile
    >>> recipe = Recipe.create("xor", layers=4, steps=3).to_dict()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run_member(Task(name="a", recipe=recipe, directory=f"{folder}/a")).status
    'finished'
    """
    from weightdesk.training.loop import train
    from weightdesk.training.preparation import prepare

    try:
        with one_thread():
            recipe = Recipe.from_dict(task.recipe)
            every = task.every or max(1, prepare(recipe).steps() // SNAPSHOTS)
            outcome = train(
                recipe, task.directory, progress=progress, cost=task.cost, disk=task.disk, every=every
            )
    except KeyboardInterrupt:
        return Ending(name=task.name, status="interrupted", said="before its first step")
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        return Ending(name=task.name, status="failed", said=said)
    return Ending(name=task.name, status=outcome.status, said=outcome.summary().splitlines()[0])


def standing(name: str, report: Report, process: int) -> Standing:
    """How a member stands, from what its training says."""
    return Standing(name=name, step=report.step, steps=report.steps, loss=report.loss, process=process)
