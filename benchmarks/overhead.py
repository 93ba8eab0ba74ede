"""What recording costs a whole training: weightdesk, TensorBoard, wandb and a hand-written loop.

Each training is a fresh process with a pinned allocator, from the first step to the end of `close`;
watched and unwatched ones take turns, on one thread and on all cores. A figure is the median over the
turns of what a watched training takes beyond the unwatched one beside it, in processor time (user and
system, all threads) and in wall time.

    python overhead.py --turns 3 --only "MLP, 1 s"
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from networks import WORKLOADS
from pinned import environment
from reporting import Row, markdown

TURNS, TURNS_OF_PEERS = 11, 3
ALL = len(os.sched_getaffinity(0))
_WARM = 10  # steps before the clock starts: both sides have then asked for their memory


@dataclass(frozen=True)
class Case:
    """A training that is compared.

    Attributes:
        workload: name of its network, in `networks.py`.
        seconds: of processor time that it takes by itself on one thread.
        variant: how it is recorded, in `variants.py`.
        reach: what recording may take beyond the training itself, as a share of it; None for peers.
        threads: it is measured on.
    """

    workload: str
    seconds: float
    variant: str = "watched"
    reach: float | None = None
    threads: tuple[int, ...] = tuple(dict.fromkeys((1, ALL)))

    @property
    def label(self) -> str:
        """For the table."""
        return f"{self.workload}, {self.seconds:g} s, {self.variant.replace('_', ' ')}"


CASES = (
    *(Case("MLP", seconds, reach=reach) for seconds, reach in ((1, 0.10), (3, 0.05), (10, 0.03), (30, 0.02))),
    Case("CNN", 10, reach=0.03),
    Case("GPT", 10, reach=0.03),
    Case("500 small parameters", 10, reach=0.03),
    Case("2,000 small parameters", 10, reach=0.03),
    Case("MLP", 10, "watched_and_checked", 0.03),
    Case("MLP", 5, "watched_at_every_step", 0.5),
    Case("CNN", 5, "watched_at_every_step", 0.1),
    Case("GPT", 5, "watched_at_every_step", 0.1),
    *(
        Case(workload, 3, peer, threads=(ALL,))
        for workload in ("MLP", "CNN", "GPT")
        for peer in ("hand_written", "tensorboard", "wandb")
    ),
)


def train(workload: str, variant: str, steps: int) -> tuple[float, float]:
    """Processor and wall seconds of a training in this process."""
    from variants import VARIANTS, timed

    work = WORKLOADS[workload]()
    timed(work.step, _WARM)
    with tempfile.TemporaryDirectory() as folder:
        processor, wall = time.process_time(), time.perf_counter()
        with VARIANTS[variant](work, Path(folder)) as step:
            for _ in range(steps):
                step()
        return time.process_time() - processor, time.perf_counter() - wall


def in_a_process(workload: str, variant: str, steps: int, threads: int) -> tuple[float, float]:
    """The same in a fresh process."""
    command = [sys.executable, __file__, "--train", workload, variant, str(steps)]
    done = subprocess.run(
        command, env=environment(threads), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    processor, wall = json.loads(done.stdout.splitlines()[-1])
    return processor, wall


def compare(case: Case, steps: int, threads: int, turns: int) -> tuple[list[float], list[float]]:
    """What recording takes in each turn, as shares of the training's processor and wall time."""
    shares = []
    for turn in range(turns):
        order = ("unwatched", case.variant) if turn % 2 else (case.variant, "unwatched")
        took = {variant: in_a_process(case.workload, variant, steps, threads) for variant in order}
        pairs = zip(took[case.variant], took["unwatched"], strict=True)
        shares.append([recorded / alone - 1 for recorded, alone in pairs])
    processor, wall = (list(column) for column in zip(*shares, strict=True))
    return processor, wall


def rows_of(case: Case, turns: int) -> list[Row]:
    """Measure a case."""
    steps = 20
    while (took := in_a_process(case.workload, "unwatched", steps, 1)[0]) < 0.3:
        steps *= 2
    steps = max(1, round(steps * case.seconds / took))
    rows = []
    for threads in case.threads:
        processor, wall = compare(case, steps, threads, turns)
        middle = statistics.median(processor)
        extremes = f"{min(processor):+.1%} … {max(processor):+.1%}"
        figure = f"{middle:+.1%} ({extremes}); wall {statistics.median(wall):+.1%}"
        reach = "-" if case.reach is None else f"≤ {case.reach:.0%}"
        met = case.reach is None or middle <= case.reach
        rows.append(Row(f"{case.label}, {threads} thread{'s' if threads > 1 else ''}", figure, reach, met))
    return rows


def main() -> None:
    """Measure all cases, or those whose label holds a text."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, help="pairs of trainings a figure")
    parser.add_argument("--only", default="", help="part of a case's label")
    parser.add_argument("--train", nargs=3, metavar=("WORKLOAD", "VARIANT", "STEPS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        workload, variant, steps = options.train
        sys.stdout.write(json.dumps(train(workload, variant, int(steps))) + "\n")
        return
    rows = []
    for case in CASES:
        if options.only in case.label:
            turns = options.turns or (TURNS_OF_PEERS if case.reach is None else TURNS)
            rows += rows_of(case, turns)
    sys.stdout.write(markdown(rows) + "\n")


if __name__ == "__main__":
    main()
