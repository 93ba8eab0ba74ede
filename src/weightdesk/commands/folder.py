"""Where a new run goes."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path
from typing import Final

from weightdesk.errors import RunExistsError

RUNS: Final = "runs"
"""The folder in which runs are kept where nobody says otherwise."""


def free_folder(name: str, parent: str | Path = RUNS) -> str:
    """The first folder of this name that nothing occupies, such as `runs/digits-2`.

    >>> free_folder("my table.v2", "/nowhere")
    '/nowhere/my-table.v2'
    """
    plain = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "run"
    names = (plain if number == 1 else f"{plain}-{number}" for number in count(1))
    return next(str(place) for each in names if not (place := Path(parent, each)).exists())


def refuse_taken(folder: str) -> None:
    """See that no run would be overwritten, before any data are read.

    Raises:
        RunExistsError: the folder holds a run.

    """
    from weightdesk.runs import open_store
    from weightdesk.runs.format import MANIFEST

    if open_store(folder).exists(MANIFEST):
        raise RunExistsError(f"{folder} already holds a run; give --run another folder, or remove this one")
