"""Run every benchmark, each in a process of its own, and write `benchmarks/RESULTS.md`."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
SCRIPTS = (
    "startup", "kernels", "overhead", "first_step", "history", "opening", "digits",
    "gradient", "ablation", "update_parts", "turn", "sweep",
)  # fmt: skip


def main() -> int:
    """Run all, or those named on the command line; whether all of them ran."""
    chosen = sys.argv[1:] or SCRIPTS
    sections, failed = [], []
    for name in chosen:
        sys.stderr.write(f"{name} …\n")
        done = subprocess.run([sys.executable, HERE / f"{name}.py"], stdout=subprocess.PIPE, text=True)
        failed += [name] if done.returncode else []
        title = (HERE / f"{name}.py").read_text(encoding="utf-8").split('"""')[1].splitlines()[0]
        sections.append(f"## {name}\n\n{title}\n\n{done.stdout.strip()}\n")
        sys.stdout.write(sections[-1] + "\n")
    if not sys.argv[1:]:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} torch threads"
        versions = f"Python {platform.python_version()}, torch {torch.__version__}, NumPy {np.__version__}"
        head = (
            "# Results\n\nWritten by `make bench`. What compares is a ratio of times, side by side in one "
            f"process; seconds are this machine's: {machine}; {versions}.\n\n"
        )
        (HERE / "RESULTS.md").write_text(head + "\n".join(sections), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
