"""The names of a run's files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from weightdesk import watch
from weightdesk.capture.cache import Cache
from weightdesk.runs import open_store
from weightdesk.runs.format import FOLDERS, extra_name, is_run_file, snapshot_name


def test_knows_every_file_that_a_recording_leaves(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    optimizer = torch.optim.Adam(model.parameters())
    with watch(model, optimizer, tmp_path, every=1, cost=None, flush=0.01) as recording:
        for _ in range(4):
            optimizer.zero_grad()
            loss = model(torch.ones(5, 3)).square().sum()
            loss.backward()
            recording.log(loss=loss)
            optimizer.step()
    Cache(open_store(tmp_path)).get("strongest-examples", {}, lambda: {"sum": torch.ones(1)})
    files = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert {name.rpartition("/")[0] for name in files} == {"", *FOLDERS} - {"pieces"}
    assert [name for name in files if not is_run_file(name)] == []


@given(st.integers(0, 10**12))
def test_knows_snapshots_of_every_step_and_their_unfinished_files(step: int) -> None:
    for name in (snapshot_name(step), extra_name(step)):
        folder, _, file = name.rpartition("/")
        assert is_run_file(name)
        assert is_run_file(f"{folder}/.{file}.0a1b2c3d")
        assert not is_run_file(file)
        assert not is_run_file(f"metrics/{file}")
        assert not is_run_file(f"{folder}/.{file}.0a1b2c3")
        assert not is_run_file(f"{name}\n")


@given(st.text(), st.sampled_from(["", *(f"{folder}/" for folder in FOLDERS), "other/"]))
def test_knows_no_other_names(file: str, folder: str) -> None:
    made = r"[.]?(run\.json|\.lease|part-.*|[0-9]{8}.*|.*-[0-9a-f]{16}\.safetensors).*"
    assert not is_run_file(folder + file) or re.fullmatch(made, file)


@pytest.mark.parametrize("name", ["snapshots/٠٠٠٠٠١٢٨.safetensors", "../run.json", "/run.json", "a/run.json"])
def test_takes_neither_other_digits_nor_other_folders(name: str) -> None:
    assert not is_run_file(name)
