"""What the members of a comparison reached, read from their runs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from weightdesk.errors import RunFormatError
from weightdesk.runs import Run, open_run
from weightdesk.training.compare.record import Record, member_folder
from weightdesk.types import Step

SCORES: Final = ("accuracy", "r2")
_PARTS: Final = {"test_": "test data", "val_": "validation data", "": "the last training batches"}


@dataclass(frozen=True)
class Result:
    """One finished member.

    Attributes:
        name: of the member.
        setting: name of its setting.
        seed: of its training.
        run: its recording.
        score: name of what is compared first, `accuracy` or `r2`.
        part: what its final numbers were measured on.
        final: the final `loss`, and the score by its name.
        curves: by the name of a metric its values by step.
    """

    name: str
    setting: str
    seed: int
    run: Run
    score: str
    part: str
    final: Mapping[str, float]
    curves: Mapping[str, Mapping[Step, float]] = field(repr=False)


def read_results(folder: Path, record: Record) -> dict[str, list[Result]]:
    """Read the finished members of each setting, by seed; settings without any are there, empty.

    Arguments:
        folder: of the comparison.
        record: its content.

    """
    found: dict[str, list[Result]] = {setting: [] for setting in record.options}
    for name, member in record.members.items():
        if member["status"] in ("finished", "stopped early"):
            found[member["setting"]].append(_read(folder, name, member))
    return found


def curves_of(run: Run) -> dict[str, dict[Step, float]]:
    """The logged metrics of a run by name, each by step; steps where it was not logged are left out."""
    table = run.metrics
    steps = table["step"].to_pylist()
    return {
        name: {
            step: value
            for step, value in zip(steps, table[name].to_pylist(), strict=True)
            if value is not None
        }
        for name in table.column_names
        if name not in ("step", "time")
    }


def _read(folder: Path, name: str, member: Mapping[str, Any]) -> Result:
    run = open_run(member_folder(folder, name))
    curves = curves_of(run)
    pairs = itertools.product(SCORES, _PARTS)
    logged = [(score, part) for score, part in pairs if {part + score, f"{part}loss"} <= curves.keys()]
    if not logged:
        raise RunFormatError(f"{run.path} is no member of a comparison: it logged no score with its loss")
    score, part = logged[0]
    final = {each: _last(curves[f"{part}{each}"]) for each in (score, "loss")}
    return Result(name, member["setting"], member["seed"], run, score, _PARTS[part], final, curves)


def _last(curve: Mapping[Step, float]) -> float:
    return curve[max(curve)] if curve else math.nan
