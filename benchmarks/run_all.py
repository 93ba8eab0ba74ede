"""Run benchmarks, each in a process of its own, and write what they found into `benchmarks/RESULTS.md`."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
SCRIPTS = (
    "startup", "kernels", "overhead", "paired_steps", "first_step", "large_model", "history", "opening",
    "digits", "gradient", "ablation", "update_parts", "turn", "sweep", "desk", "desk_matrix", "desk_series",
    "layer_story",
    "filters", "feature_pictures",
    "reviews", "sst2",
    "faults",
)  # fmt: skip


RESULTS = HERE / "RESULTS.md"


def main() -> int:
    """Run all, or those named on the command line; whether all of them ran."""
    known, failed = _sections(), []
    for name in sys.argv[1:] or SCRIPTS:
        sys.stderr.write(f"{name} …\n")
        done = subprocess.run([sys.executable, _script(name)], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            failed.append(name)
            continue
        title = _script(name).read_text(encoding="utf-8").split('"""')[1].splitlines()[0]
        known[name] = f"{title}\n\n{done.stdout.strip()}\n"
        sys.stdout.write(f"## {name}\n\n{known[name]}\n")
        RESULTS.write_text(_page(known), encoding="utf-8")
    return 1 if failed else 0


def _script(name: str) -> Path:
    """The file of a benchmark, or of one that is a folder."""
    return HERE / name / "run.py" if (HERE / name).is_dir() else HERE / f"{name}.py"


def _sections() -> dict[str, str]:
    """What is known of each script."""
    parts = re.split(r"^## (\w+)\n\n", RESULTS.read_text(encoding="utf-8"), flags=re.M)[1:]
    return dict(zip(parts[::2], (each.rstrip() + "\n" for each in parts[1::2]), strict=True))


def _page(known: dict[str, str]) -> str:
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} torch threads"
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, NumPy {np.__version__}"
    head = (
        "# Results\n\nWritten by `make bench`; each section is from the newest run of its script. What "
        "compares is a ratio of times, side by side in one process; seconds are this machine's: "
        f"{machine}; {versions}.\n\n"
    )
    return head + "\n".join(f"## {name}\n\n{known[name]}" for name in SCRIPTS if name in known)


if __name__ == "__main__":
    sys.exit(main())
