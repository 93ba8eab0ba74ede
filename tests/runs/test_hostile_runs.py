"""Whatever is wrong in a run, its reader says so in one line: no other exception, no end, no hang."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from hostile.samples import record_samples

_WORKER = Path(__file__).with_name("hostile") / "worker.py"
_PATIENCE = 5.0  # seconds of its processor that a run may take, all questions together
_LONGEST_CHANGE = 120.0  # and to make it: that says nothing of its readers
_MOST_MEMORY = 1000  # MB


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    record_samples(folder)
    return folder


@pytest.mark.parametrize("batch", range(2))  # side by side
def test_a_hostile_run_is_refused_or_read(samples: Path, tmp_path: Path, batch: int) -> None:
    seeds = range(1000 * batch, 1000 * (batch + 1))
    assert list(faults(samples, tmp_path / "scratch", seeds, "some")) == []


@pytest.mark.heavy
@pytest.mark.timeout(8 * 3600)
@pytest.mark.parametrize("batch", range(100))
def test_a_hundred_thousand_hostile_runs_are_refused_or_read(
    samples: Path, tmp_path: Path, batch: int
) -> None:
    seeds = range(10_000 + 1000 * batch, 10_000 + 1000 * (batch + 1))
    questions = "some" if batch % 10 else "all"  # all questions to all runs would take 8 hours
    assert list(faults(samples, tmp_path / "scratch", seeds, questions)) == []


def faults(samples: Path, scratch: Path, seeds: range, questions: str) -> Iterator[str]:
    """What went wrong with each seed; a process that ends or hangs is started again behind it."""
    first = seeds.start
    while first < seeds.stop:
        command = [sys.executable, str(_WORKER), samples, scratch, str(first), str(seeds.stop), questions]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as worker:
            assert worker.stdout is not None
            seed, told = first, ""
            for line in watched(worker):
                kind, _, told = line.partition(" ")
                if kind == "start":
                    seed = int(told)
                elif kind == "memory" and int(told) > _MOST_MEMORY:
                    yield f"seed {seed} takes {told.strip()} MB"
                elif kind in ("fault", "hang"):
                    yield f"seed {seed}: {line.strip()}"
                elif kind == "done":
                    return
        yield f"seed {seed} ends the process: {worker.returncode}"
        first = seed + 1


def watched(worker: subprocess.Popen[str]) -> Iterator[str]:
    """The lines of a worker until it ends, or until one takes too long, which ends it."""
    assert worker.stdout is not None
    os.set_blocking(worker.stdout.fileno(), False)
    waiting = selectors.DefaultSelector()
    waiting.register(worker.stdout, selectors.EVENT_READ)
    text, spent, since = "", seconds_of(worker.pid), time.monotonic()
    last = ""
    while True:
        if waiting.select(timeout=1.0):
            piece = read_all(worker.stdout)
            if piece is None:
                return
            *lines, text = (text + piece).split("\n")
            for line in lines:
                last = line
                yield line
            spent, since = seconds_of(worker.pid), time.monotonic()
        elif last:
            # One that waits, for a FIFO, uses no processor, and one that computes may wait for its turn.
            used = seconds_of(worker.pid) - spent
            patience = _LONGEST_CHANGE if last.startswith("start") else _PATIENCE
            if used > patience or time.monotonic() - since > 12 * patience:
                worker.kill()
                yield f"hang after {used:.1f} s of processor time"
                return


def read_all(stream: IO[str]) -> str | None:
    """What there is to read; None at the end."""
    piece = os.read(stream.fileno(), 1 << 20)
    return piece.decode() if piece else None


def seconds_of(process: int) -> float:
    """Processor seconds that a process has used."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
