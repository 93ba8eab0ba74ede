"""124 M weights with AdamW, recorded: how long `watch` takes, how much memory it takes, what is kept.

Each training runs in a process of its own. Memory is the largest that the kernel counted, and what is
loaded to begin with, such as pyarrow, is loaded in the training without a recording, too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

LAYERS, WIDTH, STEPS = 29, 2064, 4
BUDGETS = ("2GB", "30GB")


def train(disk: str | None, folder: str) -> dict[str, object]:
    """Train a little and say what it took."""
    import weightdesk
    import weightdesk.recording.watch

    model = nn.Sequential(*[nn.Linear(WIDTH, WIDTH) for _ in range(LAYERS)])
    optimizer = torch.optim.AdamW(model.parameters())
    began = time.perf_counter()
    recording = weightdesk.watch(model, optimizer, folder, disk=disk) if disk else None
    told: dict[str, object] = {"watch": time.perf_counter() - began}
    for _ in range(STEPS):
        optimizer.zero_grad()
        model(torch.randn(64, WIDTH)).square().mean().backward()
        optimizer.step()
    status = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    told["peak"] = next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    told["weights"] = sum(each.nbytes for each in model.parameters())
    if recording:
        recording.close()
        run = weightdesk.open_run(folder)
        times = [len(run.gradient_steps_of(name)) for name in run.parameters]
        told |= {"whole": len(run.steps), "with gradients": f"{min(times)} to {max(times)}"}
        told["disk"] = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return told


def measured(disk: str | None) -> dict[str, float]:
    """The same in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [sys.executable, __file__, disk or "", f"{folder}/run"]
        done = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Print a row for each budget."""
    alone = measured(None)
    print(
        f"{alone['weights'] / 4e6:.0f} M weights, {alone['weights'] / 1e6:.0f} MB; a training without a "
        f"recording takes {alone['peak'] / 1e6:.0f} MB. {STEPS} steps.\n"
    )
    print("| disk | `watch` | memory beyond that | whole snapshots | gradients of a parameter | on disk |")
    print("| --- | --- | --- | --- | --- | --- |")
    for disk in BUDGETS:
        found = measured(disk)
        print(
            f"| {disk} | {found['watch']:.2f} s | {(found['peak'] - alone['peak']) / 1e6:.0f} MB | "
            f"{found['whole']} | at {found['with gradients']} steps | {found['disk'] / 1e9:.2f} GB |"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(train(sys.argv[1] or None, sys.argv[2])))
    else:
        main()
