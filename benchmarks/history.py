"""History of one weight over 256 snapshots of an MLP 784-512-512-10: ours beside the usual ways.

Every way reads the same element of the same snapshots, warm, and the values are compared.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import nn

sys.path.insert(0, str(Path(__file__).parent))

from reporting import Row, markdown, median_seconds

from weightdesk.runs import Manifest, open_run, open_store
from weightdesk.runs.format import snapshot_name
from weightdesk.runs.manifest import write_manifest
from weightdesk.runs.snapshotreader import SnapshotReader
from weightdesk.runs.snapshots import write_snapshot

SNAPSHOTS = 256
NAME, INDEX = "2.weight", (137, 200)


def measure() -> list[Row]:
    """Record 256 snapshots, twice, and read one weight of them in five ways."""
    with tempfile.TemporaryDirectory() as folder:
        _record(Path(folder))
        run = open_run(folder)
        times, expected = {}, run.history(NAME, INDEX).values
        ways = {
            "run.history": lambda: run.history(NAME, INDEX).values,
            "memory map at the known offset": _memory_map(Path(folder)),
            "safetensors get_slice": lambda: _get_slice(Path(folder)),
            "torch.load": lambda: _torch_load(Path(folder)),
        }
        for way, read in ways.items():
            assert [float(value) for value in read()] == expected.tolist(), way
            times[way] = median_seconds(read)
    ours = times.pop("run.history")
    rows = [Row("history of one weight, 256 snapshots", f"{ours * 1e3:.2f} ms", "≤ 3 ms", ours <= 3e-3)]
    return rows + [Row(f"… {way}", f"{t * 1e3:.1f} ms, {t / ours:.1f}×") for way, t in times.items()]


def _record(folder: Path) -> None:
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    table = [
        {"name": name, "shape": list(each.shape), "dtype": "float32"}
        for name, each in model.named_parameters()
    ]
    store = open_store(folder)
    write_manifest(store, Manifest(created="2026-01-31T12:00:00+00:00", model={"parameters": table}))
    for step in range(SNAPSHOTS):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter += 1e-3
        write_snapshot(store, step, model.state_dict())
        torch.save(model.state_dict(), folder / f"{step}.pt")


def _memory_map(folder: Path) -> Callable[[], list[float]]:
    headers = SnapshotReader(open_store(folder))
    files = [snapshot_name(step) for step in range(SNAPSHOTS)]
    entries = [headers.header(file).entries[NAME] for file in files]
    places = [entry.offset // 4 + INDEX[0] * entry.shape[1] + INDEX[1] for entry in entries]

    def read() -> list[float]:
        maps = (np.memmap(folder / file, np.float32, "r") for file in files)
        return [float(values[place]) for values, place in zip(maps, places, strict=True)]

    return read


def _get_slice(folder: Path) -> list[float]:
    values = []
    for step in range(SNAPSHOTS):
        with safe_open(folder / snapshot_name(step), "pt") as file:
            values.append(file.get_slice(NAME)[INDEX[0], INDEX[1]].item())
    return values


def _torch_load(folder: Path) -> list[float]:
    files = (folder / f"{step}.pt" for step in range(SNAPSHOTS))
    return [torch.load(file, weights_only=True)[NAME][INDEX].item() for file in files]


def main() -> None:
    """Print the table."""
    print(markdown(measure()))


if __name__ == "__main__":
    main()
