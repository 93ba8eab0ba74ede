"""What a recording brings into a training's process: its own threads, no teams of theirs, and no pandas.

Threads are counted as Linux lists them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TRAINING = """
import importlib.util, os, sys, time
import pyarrow
import torch
import weightdesk
from torch import nn

pyarrow.set_cpu_count(1)
pyarrow.set_io_thread_count(1)
torch.set_num_threads(8)  # so a second team of threads cannot be overlooked
# 256 rows of 1,000 bfloat16 outputs are more than torch converts in one thread
model = nn.Sequential(nn.Linear(100, 200), nn.ReLU(), nn.Linear(200, 1000)).bfloat16()
optimizer = torch.optim.Adam(model.parameters())
inputs, targets = torch.randn(256, 100).bfloat16(), torch.randint(0, 1000, (256,))

def step():
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), targets)
    loss.backward()
    optimizer.step()
    return loss

def threads():
    return len(os.listdir("/proc/self/task"))

for _ in range(3):
    step()
before = most = threads()
options = {"cost": None, "every": 4, "flush": 0.1, "check": bool(sys.argv[3])}
with weightdesk.watch(model, optimizer, sys.argv[1], **options) as recording:
    began = time.monotonic()
    while time.monotonic() - began < float(sys.argv[2]):
        recording.log(loss=step())
        most = max(most, threads())
assert recording.status == "finished"
assert importlib.util.find_spec("pandas") is not None
print(most - before, "pandas" in sys.modules)
"""


_ARROW = 2
"""Threads of pyarrow's pools, of one thread each here, which start when a part is read to be merged."""


def run(place: Path, check: str) -> tuple[int, bool]:
    """How many threads more than before there were, and whether pandas was imported."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRAINING, str(place), "3", check],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    more, has_pandas = done.stdout.split()
    return int(more), has_pandas == "True"


def test_a_recording_brings_no_team_of_threads_and_no_pandas(tmp_path: Path) -> None:
    threads, has_pandas = run(tmp_path / "run", check="")
    assert threads <= 1 + _ARROW
    assert not has_pandas


def test_nor_does_a_check_beside_the_training(tmp_path: Path) -> None:
    threads, has_pandas = run(tmp_path / "run", check="yes")
    assert threads <= 2 + _ARROW
    assert not has_pandas
