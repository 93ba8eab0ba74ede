"""Run a comparison, from its plan to its page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from weightdesk.paths import in_utf8, portable_path
from weightdesk.training.compare.comparison import Comparison
from weightdesk.training.compare.member import Ending, Hear, Standing, Task
from weightdesk.training.compare.plan import Plan, make_plan
from weightdesk.training.compare.record import Record, write_record
from weightdesk.training.compare.resume import is_done
from weightdesk.training.compare.startup import Start, measure_starts
from weightdesk.training.compare.workers import run_in_workers


def compare(
    source: str | Path,
    vary: Mapping[str, Sequence[Any]],
    folder: str | Path,
    *,
    seeds: int = 5,
    workers: int | None = None,
    ray: str | None = None,
    hear: Hear | None = None,
    cost: float | None = 0.02,
    disk: str | int = "2GB",
    every: int | None = None,
    **options: Any,
) -> Comparison:
    """Train every combination of some options with several seeds, and compare what comes out.

    Each member is a recorded run, `<folder>/<setting>-seed<k>`, trained on one thread, so that its numbers
    do not depend on how many are trained at once. What is finished already is not trained again. A member
    that fails, or whose process is killed, is reported, and the others go on.

    Arguments:
        source: a built-in data set or a path.
        vary: the values of each option that is varied.
        folder: where the runs and `comparison.json` go.
        seeds: how many trainings of each setting; they count up from the option `seed`.
        workers: processes at once; one for each core where left out.
        ray: address of a Ray cluster to train on instead; `local` starts one on this machine.
        hear: told how members stand and how they end.
        cost, disk, every: of each member's recording, as for `train`; where `every` is left out, a snapshot
            at each tenth of the training.
        options: what holds for all members, as for `Recipe.create`.

    Raises:
        OptionError: an option is unknown or impossible; nothing was trained.
        DataError: nothing that can be read is at the path.
        RunExistsError: the folder holds runs of other recipes.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = compare("xor", {"init": ["zeros", "he_normal"]}, folder, seeds=2, steps=60)
    ...     print(found.starts["zeros"].verdict, len(found.results["he_normal"]))
    cannot start 2
    """
    budget = {"cost": cost, "disk": disk, "every": every}
    session = Session(make_plan(source, vary, seeds, **options), Path(folder), budget)
    session.run(workers, ray, hear)
    return Comparison(session.folder, session.record)


class Session:
    """A comparison that is ready to run.

    Arguments:
        plan: which trainings it takes.
        folder: where they go.
        budget: `cost`, `disk` and `every` of each recording.

    Attributes:
        starts: each setting at step 0.
        tasks: what is left to be done.
        record: as it is written beside the runs.

    Raises:
        RunExistsError: the folder holds runs of other recipes.
    """

    def __init__(self, plan: Plan, folder: Path, budget: Mapping[str, Any]) -> None:
        self.plan, self.folder = plan, folder
        done = {each.name for each in plan.members if is_done(folder / each.name, each.recipe)}
        self.starts: Mapping[str, Start] = measure_starts(plan)
        self.record = _record(plan, self.starts, done)
        self.tasks = [
            Task(name=each.name, recipe=each.recipe.to_dict(), directory=str(folder / each.name), **budget)
            for each in plan.members
            if each.name not in done
        ]

    def run(self, workers: int | None = None, ray: str | None = None, hear: Hear | None = None) -> None:
        """Train what is left, several at once; see `compare` for the arguments."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_record(self.folder, self.record)

        def keep(said: Standing | Ending) -> None:
            if isinstance(said, Ending):
                self._keep(said)
            if hear is not None:
                hear(said)

        if not self.tasks:
            return
        if ray is not None:
            from weightdesk.training.compare.cluster import run_on_cluster

            run_on_cluster(self.tasks, ray, keep)
        else:
            run_in_workers(self.tasks, workers or usable_cores(), keep)

    def _keep(self, ending: Ending) -> None:
        said = "" if ending.is_done else ending.said
        member = {**self.record.members[ending.name], "status": ending.status, "said": said}
        self.record = replace(self.record, members={**self.record.members, ending.name: member})
        write_record(self.folder, self.record)


def usable_cores() -> int:
    """The cores that this process may use.

    >>> usable_cores() >= 1
    True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _record(plan: Plan, starts: Mapping[str, Start], done: set[str]) -> Record:
    return Record(
        source=in_utf8(portable_path(plan.source)),
        vary={name: [*values] for name, values in plan.vary.items()},
        options={each.name: each.options for each in plan.settings},
        seeds=[*plan.seeds],
        members={
            each.name: {
                "setting": each.setting,
                "seed": each.seed,
                "status": "finished" if each.name in done else "planned",
                "said": "",
            }
            for each in plan.members
        },
        start={name: each.to_dict() for name, each in starts.items()},
    )
