"""A process killed at any moment leaves a run that opens and lacks at most the flush interval.

One parent imports everything once and forks a child a trial; the child trains under `watch` and
tells through a pipe which steps it has done and when.
"""

from __future__ import annotations

import os
import random
import signal
import struct
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from weightdesk import open_run, watch

FLUSH = 0.1
# The flush itself and a busy machine come on top of the interval.
PATIENCE = 0.8
PROGRESS = struct.Struct("qd")

# The first optimizer makes torch load its compiler; children inherit that, too.
torch.optim.Adam([nn.Parameter(torch.zeros(1))])


def train_until_killed(folder: Path, pipe: int) -> None:
    torch.set_num_threads(1)
    model = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters())
    inputs, targets = torch.randn(32, 20), torch.randint(0, 2, (32,))
    recording = watch(model, optimizer, folder, cost=None, flush=FLUSH)
    os.write(pipe, PROGRESS.pack(-1, time.monotonic()))
    while True:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), targets)
        loss.backward()
        recording.log(loss=loss)
        optimizer.step()
        os.write(pipe, PROGRESS.pack(recording.step, time.monotonic()))


def kill_after(seconds: float, folder: Path) -> tuple[list[tuple[int, float]], float]:
    """Steps that the child had done and when, and the moment it was killed."""
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receive)
        train_until_killed(folder, send)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        received = pipe.read(PROGRESS.size)  # the recording has begun
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            received += os.read(pipe.fileno(), PROGRESS.size * 64)
        killed = time.monotonic()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        received += pipe.read()
    whole = len(received) // PROGRESS.size * PROGRESS.size
    return list(PROGRESS.iter_unpack(received[:whole])), killed


@pytest.mark.parametrize("seed", range(50))
def test_killed_at_a_random_moment(seed: int, tmp_path: Path) -> None:
    steps, killed = kill_after(random.Random(seed).uniform(0.0, 1.8), tmp_path / "run")
    run = open_run(tmp_path / "run")
    assert run.status == "killed"
    assert 0 in run.steps or steps[-1][0] < 2
    for step in run.steps:
        assert run.weights("0.weight", step).shape == (16, 20)
    done = max((step for step, when in steps if when < killed - FLUSH - PATIENCE), default=0)
    kept = run.sampled["step"].to_pylist()
    assert max(kept, default=0) >= done - 1
    assert sorted(set(kept)) == list(range(len(set(kept))))
    assert run.metrics.num_rows == len(set(run.metrics["step"].to_pylist()))
    assert run.history("0.weight", (0, 0)).values.isfinite().all()
