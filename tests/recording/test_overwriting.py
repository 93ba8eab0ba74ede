"""What `overwrite=True` replaces, and what it refuses to touch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest
import torch
from torch import nn

from weightdesk import open_run, watch
from weightdesk.errors import OptionError, RunExistsError

RECORDER = """
import sys, torch, weightdesk
model = torch.nn.Linear(2, 1)
recording = weightdesk.watch(model, torch.optim.SGD(model.parameters(), lr=0.1), sys.argv[1])
print("recording", flush=True)
sys.stdin.read()
"""


def record(place: str | Path, steps: int = 2, *, overwrite: bool = False) -> None:
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, place, every=1, overwrite=overwrite):
        for _ in range(steps):
            optimizer.zero_grad()
            model(torch.ones(1, 3)).sum().backward()
            optimizer.step()


def test_files_of_the_user_outlive_a_run(tmp_path: Path) -> None:
    record(tmp_path, steps=5)
    theirs = ["best.pt", "checkpoints/epoch3/model.pt", "snapshots/mine.safetensors", "metrics/notes.txt"]
    for name in theirs:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a week of work")
    (tmp_path / "snapshots" / ".00000003.safetensors.c0ffee00").write_bytes(b"half")
    record(tmp_path, steps=2, overwrite=True)
    assert [(tmp_path / name).read_text() for name in theirs] == ["a week of work"] * len(theirs)
    assert not list(tmp_path.glob("snapshots/.*"))
    run = open_run(tmp_path)
    assert (run.steps, run.last_step) == ((0, 1, 2), 2)


def test_objects_of_the_user_outlive_a_run_in_a_bucket() -> None:
    record("memory://outlive/run")
    files = fsspec.filesystem("memory")
    theirs = ["/outlive/run/data.csv", "/outlive/run/snapshots/mine.safetensors", "/outlive/run/a/run.json"]
    for name in theirs:
        files.pipe_file(name, b"a week of work")
    record("memory://outlive/run", steps=1, overwrite=True)
    assert [files.cat_file(name) for name in theirs] == [b"a week of work"] * len(theirs)
    assert open_run("memory://outlive/run").steps == (0, 1)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_manifest_of_another_program_is_never_replaced(tmp_path: Path, *, overwrite: bool) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"format": "theirs"}))
    with pytest.raises(RunExistsError):
        record(tmp_path, overwrite=overwrite)
    assert json.loads((tmp_path / "run.json").read_text()) == {"format": "theirs"}


def test_a_run_that_is_being_recorded_is_not_replaced(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RECORDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "recording\n"
        before = (tmp_path / "run.json").read_bytes()
        with pytest.raises(RunExistsError, match="being recorded by another process"):
            record(tmp_path, overwrite=True)
        assert (tmp_path / "run.json").read_bytes() == before
        writer.communicate()
    assert open_run(tmp_path).status == "finished"


def test_after_a_refusal_the_place_can_be_taken(tmp_path: Path) -> None:
    record(tmp_path)
    (tmp_path / "outside").mkdir()
    (tmp_path / "capture").symlink_to(tmp_path / "outside")
    with pytest.raises(RunExistsError, match="capture is a link"):
        record(tmp_path, overwrite=True)
    (tmp_path / "capture").unlink()
    (tmp_path / "run.json").rename(tmp_path / "away.json")
    with pytest.raises(RunExistsError, match=r"files of a run such as"):
        record(tmp_path, overwrite=True)
    (tmp_path / "away.json").rename(tmp_path / "run.json")
    record(tmp_path, overwrite=True)
    assert open_run(tmp_path).status == "finished"


def test_a_place_that_takes_no_files_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match=r"no run can be kept in .*: Not a directory"):
        record(tmp_path / "file" / "run")
