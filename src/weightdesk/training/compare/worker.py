"""The inside of a worker process: takes members from its input, one a line, and tells how they go.

Lines are JSON both ways, so nothing is pickled, and a program that starts a comparison needs no
`if __name__ == "__main__"`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from typing import TextIO

from weightdesk.training.compare.member import Task, run_member, standing
from weightdesk.training.outcome import Report


def main() -> None:
    """Work until the input ends; only our own lines go to the standard output."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a training prints must not be taken for a message
    with suppress(KeyboardInterrupt, BrokenPipeError):  # nobody waits for more
        serve(sys.stdin, lines)


def serve(tasks: Iterable[str], lines: TextIO) -> None:
    """Run each task and write its standing and its ending.

    Arguments:
        tasks: JSON texts of `Task`.
        lines: takes one JSON object a line, with the key `standing` or `ending`.

    """

    def tell(kind: str, said: object) -> None:
        print(json.dumps({kind: said}), file=lines, flush=True)

    process = os.getpid()
    for text in tasks:
        task = Task(**json.loads(text))

        def stand(report: Report, name: str = task.name) -> None:
            tell("standing", asdict(standing(name, report, process)))

        tell("ending", asdict(run_member(task, stand)))
