"""A process that makes a hostile run of each seed and asks it everything.

`python worker.py SAMPLES SCRATCH FIRST STOP all|some` prints `start SEED` before each seed, `ask SEED` when
its run is made, one line for everything that went wrong, and `done` at the end. Whoever starts it ends it if
the questions to a run take too long. With `some` it asks each question of a share of the runs only, which is
ten times as fast.
"""

from __future__ import annotations

import json
import shutil
import sys
import traceback
import warnings
from pathlib import Path
from random import Random

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1]))

from hostile.manifests import change_manifest
from hostile.places import change_place
from hostile.questions import ask_everything
from hostile.samples import Tied
from hostile.snapshots import change_snapshot
from hostile.tables import change_table


def make_hostile(samples: Path, folder: Path, seed: int) -> Path:
    """A copy of one of the sample runs, with one to three things wrong in it; the same for the same seed."""
    random = Random(seed)  # it only has to be the same each time
    sample = random.choice(sorted(samples.iterdir()))
    run = folder / "run"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sample, run)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        kind = random.randrange(8)
        tables = sorted(run.glob("*/*.parquet"))
        snapshots = sorted(run.glob("snapshots/*.safetensors"))
        if kind <= 2 and (run / "run.json").is_file():
            change_manifest(run, random)
        elif kind <= 4 and tables and tables[0].is_file():
            change_table(random.choice([file for file in tables if file.is_file()]), random)
        elif kind <= 6 and any(file.is_file() for file in snapshots):
            change_snapshot(random.choice([file for file in snapshots if file.is_file()]), random)
        else:
            change_place(run, random)
    return run


def _forget_peak_memory() -> None:
    """Begin to measure anew: to make a hostile file may take more memory than to refuse it."""
    Path("/proc/self/clear_refs").write_text("5")


def _peak_memory() -> int:
    """Most memory since then, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(peak) >> 10


def main(samples: Path, scratch: Path, seeds: range, *, ask_all: bool) -> None:
    """Go through the seeds."""
    warnings.simplefilter("ignore")
    model = Tied()
    for seed in seeds:
        print("start", seed, flush=True)
        try:
            run = make_hostile(samples, scratch, seed)
        except Exception:
            # A second change of what the first one destroyed: there is nothing to ask.
            continue
        pa.default_memory_pool().release_unused()
        _forget_peak_memory()
        print("ask", seed, flush=True)
        draw = Random(seed).random
        share = (lambda wanted: True) if ask_all else (lambda wanted, draw=draw: draw() < wanted)
        for what, error in ask_everything(run, model, share):
            # A message of several lines is no exception that was raised: it has no traceback.
            *_, where = (None, *traceback.extract_tb(error.__traceback__))
            place = f"{Path(where.filename).name}:{where.lineno}" if where else "the message"
            fault = {
                "seed": seed,
                "what": what,
                "error": f"{type(error).__name__}: {error}"[:200],
                "at": place,
            }
            print("fault", json.dumps(fault), flush=True)
        print("memory", _peak_memory(), flush=True)
    shutil.rmtree(scratch, ignore_errors=True)
    print("done", flush=True)


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        range(int(sys.argv[3]), int(sys.argv[4])),
        ask_all=sys.argv[5] == "all",
    )
