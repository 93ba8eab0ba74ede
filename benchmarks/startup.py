"""How long things take to start: importing, asking for help, watching; each in a fresh process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from reporting import Row, markdown

REPEATS = 7

IMPORT = """
import time, torch
began = time.perf_counter()
import weightdesk
print(time.perf_counter() - began)
"""

WATCH = """
import sys, time, torch
model = torch.nn.Sequential(torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
began = time.perf_counter()
import weightdesk
recording = weightdesk.watch(model, optimizer, sys.argv[1])
print(time.perf_counter() - began)
"""


def measure() -> list[Row]:
    """Measure each in fresh processes; the kernels are compiled before."""
    with tempfile.TemporaryDirectory() as folder:
        runs = (str(Path(folder) / str(number)) for number in range(100))
        told(WATCH, next(runs))
        importing = statistics.median(told(IMPORT) for _ in range(REPEATS))
        watching = statistics.median(told(WATCH, next(runs)) for _ in range(REPEATS))
    help_ = statistics.median(whole_process() for _ in range(REPEATS))
    return [
        Row("import weightdesk, torch being there", f"{importing:.3f} s", "≤ 0.3 s", importing <= 0.3),
        Row("weightdesk --help, the whole process", f"{help_:.2f} s", "≤ 0.5 s", help_ <= 0.5),
        Row("first import and watch() together", f"{watching:.2f} s", "≤ 0.3 s", watching <= 0.3),
    ]


def told(script: str, *arguments: str) -> float:
    """Seconds that a script prints."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def whole_process() -> float:
    """Seconds from start to end of `weightdesk --help`."""
    began = time.perf_counter()
    subprocess.run([Path(sys.executable).with_name("weightdesk"), "--help"], capture_output=True, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.stdout.write(markdown(measure()) + "\n")
