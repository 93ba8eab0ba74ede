"""Faults planted in trainings, and what the check-up finds: recall, precision, cause, false alarms, when.

Each program of `programs/` is trained with each fault that it can plant, and in its healthy variants, by
three seeds. Rules were tuned on the programs of `tuning`; those of `heldout` were run for the score alone.

    python benchmarks/faults/run.py tuning heldout     # trains what is missing, and prints the report
    python benchmarks/faults/run.py tuning --again     # only looks at the runs again
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SEEDS = (0, 1, 2)
WORKERS = 2

Case = tuple[str, str, str, int]
"""Half, program, fault or healthy variant, seed."""


def main() -> int:
    """Train what is missing, look at all runs, print the report."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("halves", nargs="*", default=["tuning", "heldout"])
    arguments.add_argument("--runs", type=Path, default=Path(tempfile.gettempdir()) / "weightdesk-faults")
    arguments.add_argument("--again", action="store_true", help="only look at the runs that are there")
    arguments.add_argument("--only", help="programs or faults whose name contains this")
    given = arguments.parse_args()
    sys.path.insert(0, str(HERE))
    cases = [
        case for case in _cases(given.halves) if not given.only or given.only in "/".join(map(str, case))
    ]
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        rows = list(pool.map(_row, cases, [given.runs] * len(cases), [given.again] * len(cases)))
    from report import report

    for half in given.halves:
        print(report(half, [row for row in rows if row["half"] == half]))
    (given.runs / f"rows-{'-'.join(given.halves)}.json").write_text(json.dumps(rows, indent=1))
    return 0


def _cases(halves: Iterable[str]) -> list[Case]:
    from programs.all import PROGRAMS

    return [
        (half, name, fault, seed)
        for half in halves
        for name, program in PROGRAMS[half].items()
        for fault in ("healthy", *(each for each in program.HEALTHY if each != "healthy"), *program.FAULTS)
        for seed in SEEDS
    ]


def _row(case: Case, folder: Path, again: bool) -> dict[str, Any]:
    """Train one case where its run is missing, and say what the check-up finds."""
    import warnings

    import torch
    from programs.all import PROGRAMS

    from weightdesk import check

    half, name, fault, seed = case
    torch.set_num_threads(1)
    place = folder / half / name / f"{fault}-{seed}"
    row: dict[str, Any] = {"half": half, "program": name, "fault": fault, "seed": seed, "error": None}
    if not again and not (place / "done").exists():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                PROGRAMS[half][name].train(str(place), None if fault == "healthy" else fault, seed)
            except Exception as error:  # a fault may end the training: what was recorded must do
                row["error"] = f"{type(error).__name__}: {error}"
        if place.exists():
            (place / "done").touch()
    found = check(place)
    row["steps"] = found.last_step
    row["early"] = [each.rule for each in check(place, until=max(10, found.last_step // 10))]
    row["findings"] = [(each.rule, each.since, round(each.confidence, 3), each.message) for each in found]
    return row


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    raise SystemExit(main())
