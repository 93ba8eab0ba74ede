"""How much longer the first recorded step of a training is, in fresh processes side by side.

A first step pays for memory that nothing has used before, recorded or not. So each one is taken in a
process of its own, forked from one that has imported everything and computed nothing.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from networks import Workload, cnn, gpt, mlp
from pinned import pin
from reporting import Row, markdown
from variants import timed, watched

import weightdesk.recording.watch  # noqa: F401  (what a training script has imported by then)
from weightdesk.statistics import team

REPEATS = 16


def free(make: Callable[[], Workload]) -> float:
    """Seconds of the first step of an unwatched training."""
    return timed(make().step, 1)[0]


def recorded(make: Callable[[], Workload]) -> float:
    """Seconds of the first step under `watch`."""
    with tempfile.TemporaryDirectory() as folder, watched(make(), Path(folder)) as step:
        return timed(step, 1)[0]


def in_a_fresh_process(first: Callable[[Callable[[], Workload]], float], make: Callable) -> float:
    """What a function returns in a child process."""
    receiving, sending = os.pipe()
    if not (child := os.fork()):
        team.join_torch()  # the parent has not used its threads, so the child may
        os.write(sending, str(first(make)).encode())
        os._exit(0)
    os.close(sending)
    with os.fdopen(receiving) as answer:
        seconds = float(answer.read())
    os.waitpid(child, 0)
    return seconds


def measure() -> list[Row]:
    """Measure all networks."""
    rows = []
    for name, make in (("MLP", mlp), ("CNN", cnn), ("GPT", gpt)):
        pairs = [(in_a_fresh_process(free, make), in_a_fresh_process(recorded, make)) for _ in range(REPEATS)]
        alone, watching = (statistics.median(each) for each in zip(*pairs, strict=True))
        more = watching - alone
        rows += [
            Row(f"{name}: first recorded step", f"{more * 1e3:+.0f} ms", "≤ +50 ms", more <= 0.05),
            Row("… an unwatched first step", f"{alone * 1e3:.0f} ms"),
        ]
    return rows


if __name__ == "__main__":
    pin()
    sys.stdout.write(markdown(measure()) + "\n")
