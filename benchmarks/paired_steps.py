"""What recording costs a training, measured step by step beside the same training unwatched.

Where a machine changes its speed within seconds, whole trainings in turns (`overhead.py`) need dozens of
pairs to tell one per cent. Here a watched and an unwatched training take their steps in turns in one fresh
process with a pinned allocator, so that both meet the same speed; the budget's clock stands still during the
other one's steps, and tables are flushed once in a second of the watched one's own. A figure is the time of
everything that recording does (`watch`, what the loop takes longer, the writing thread, `close`) over that of
the unwatched steps, as the median over the turns; which of the two was made first changes from turn to turn.
Both find the processor's caches with the other's data.

On one thread all of it is processor time. On all cores it is the time that passes: the writing thread then
takes a core from whoever's step it is, so that of its processor time half is counted on top, which fell into
the unwatched steps.

    python paired_steps.py --turns 2 --only "MLP, 1 s"
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from networks import WORKLOADS
from pinned import environment
from reporting import Row, markdown

TURNS = 3
_WARM = 10  # steps before the clock starts: both sides have then asked for their memory

CASES = (
    *(("MLP", seconds, reach) for seconds, reach in ((1, 0.10), (3, 0.05), (10, 0.03), (30, 0.02))),
    *((name, 10, 0.03) for name in ("CNN", "GPT", "500 small parameters")),
    # Of these 10 s are 150 steps; to open, begin and end such a run takes 0.25 s.
    *(("2,000 small parameters", seconds, 0.03) for seconds in (10, 30)),
)
ONE, ALL = "one thread", "all cores"


class OtherTime:
    """A clock of this thread's processor time that stands still during the unwatched training's steps."""

    def __init__(self) -> None:
        self.others = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return time.thread_time() - self.others


def train(workload: str, seconds: float, cores: str, *, is_first: bool) -> dict[str, float]:
    """Train for so many seconds of the unwatched training's own; what recording took of which kind."""
    from weightdesk import watch

    works = [WORKLOADS[workload]() for _ in range(2)]
    watched, alone = works if is_first else works[::-1]
    for _ in range(_WARM):
        watched.step()
        alone.step()
    gc.collect()  # what building both has left to collect is nobody's
    clock, now = OtherTime(), time.thread_time if cores == ONE else time.perf_counter
    with tempfile.TemporaryDirectory() as folder:
        process, thread, began = time.process_time(), time.thread_time(), now()
        recording = watch(watched.model, watched.optimizer, Path(folder) / "run")
        recording._budget.clock = clock  # the unwatched steps are no time of this training
        recording._writer._interval *= 2  # of each second that passes it has half
        took = {"watch": now() - began, "loop": 0.0, "alone": 0.0}
        step = 0
        while took["alone"] < seconds:
            for is_watched in (True, False) if step % 2 else (False, True):
                own, began = time.thread_time(), now()
                if is_watched:
                    recording.log(loss=watched.step())
                    took["loop"] += now() - began
                else:
                    alone.step()
                    took["alone"] += now() - began
                    clock.others += time.thread_time() - own
            step += 1
        took["own account"] = recording.cost
        writer = time.pthread_getcpuclockid(recording._writer._thread.ident)
        took["writing"], began = time.clock_gettime(writer) / 2, now()
        recording.close()
        took["close"] = now() - began
        if recording.status != "finished":
            raise RuntimeError(f"the recording ended as {recording.status}: its figure would tell nothing")
        if cores == ONE:
            took["writing"] = time.process_time() - process - (time.thread_time() - thread)
    return took


def row_of(workload: str, seconds: float, reach: float, cores: str, turns: int) -> Row:
    """Measure a case in fresh processes."""
    shares, parts = [], []
    for turn in range(turns):
        command = [sys.executable, __file__, "--train", workload, str(seconds), cores, str(turn % 2)]
        done = subprocess.run(
            command,
            env=environment(1 if cores == ONE else None),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        took = json.loads(done.stdout.splitlines()[-1])
        taken = {"loop": took["loop"] - took["alone"]} | {
            name: took[name] for name in ("watch", "writing", "close")
        }
        shares.append(sum(taken.values()) / took["alone"])
        parts.append(taken | {"account": took["own account"]})
    middle = statistics.median(shares)
    milliseconds = ", ".join(
        f"{name} {1e3 * statistics.median(part[name] for part in parts):.0f}"
        for name in ("watch", "loop", "writing", "close")
    )
    figure = (
        f"{middle:+.1%} ({min(shares):+.1%} … {max(shares):+.1%}): {milliseconds} ms; "
        f"by its own account {statistics.median(part['account'] for part in parts):.1%}"
    )
    return Row(label_of(workload, seconds, cores), figure, f"≤ {reach:.0%}", middle <= reach)


def label_of(workload: str, seconds: float, cores: str) -> str:
    """For the table."""
    return f"{workload}, {seconds:g} s, {cores}"


def main() -> None:
    """Measure all cases, or those whose label holds a text."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=TURNS, help="processes a figure")
    parser.add_argument("--only", default="", help="part of a case's label")
    parser.add_argument(
        "--train", nargs=4, metavar=("WORKLOAD", "SECONDS", "CORES", "FIRST"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.train:
        workload, seconds, cores, first = options.train
        took = train(workload, float(seconds), cores, is_first=first == "1")
        sys.stdout.write(json.dumps(took) + "\n")
        return
    cases = [(name, seconds, reach, cores) for cores in (ONE, ALL) for name, seconds, reach in CASES]
    rows = [
        row_of(name, seconds, reach, cores, options.turns)
        for name, seconds, reach, cores in cases
        if options.only in label_of(name, seconds, cores)
    ]
    sys.stdout.write(markdown(rows) + "\n")


if __name__ == "__main__":
    main()
