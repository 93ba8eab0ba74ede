from __future__ import annotations

from pathlib import Path

import pytest
import torch

import weightdesk
from weightdesk.recording.diskbudget import DiskBudget
from weightdesk.recording.notes import Notes
from weightdesk.recording.schedule import SnapshotSchedule
from weightdesk.runs import open_run, open_store
from weightdesk.runs.format import TABLES
from weightdesk.runs.listing import folder_size


@pytest.mark.parametrize("folder", TABLES)
def test_rows_are_ordered_by_columns_of_the_table(folder: str) -> None:
    layout = TABLES[folder]
    assert sorted(layout.order) == sorted(layout.part_order)
    assert set(layout.order) <= set(layout.schema.names)


def test_a_recording_has_these_tables_and_no_others(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with weightdesk.watch(model, optimizer, tmp_path / "run", cost=None, every=2, check=False) as recording:
        for _ in range(4):
            loss = model(torch.ones(5, 4)).square().sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recording.log(loss=loss)
    folders = {path.name for path in (tmp_path / "run").iterdir() if path.is_dir()}
    assert folders == {*TABLES, "snapshots"}
    run = open_run(tmp_path / "run")
    for folder, layout in TABLES.items():
        table = getattr(run, folder)
        assert table.num_rows, folder
        assert table.schema.names[: len(layout.schema)] == layout.schema.names
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file() and path.name[0] != "."]
    assert folder_size(open_store(tmp_path / "run")) == sum(path.stat().st_size for path in files)


class CountedSchedule(SnapshotSchedule):
    tables = 0

    def make_room(self, kept: dict[int, int], tables: int, size: int) -> tuple[list[int], bool]:
        self.tables = tables
        return super().make_room(kept, tables, size)


def test_every_table_counts_against_the_disk_budget(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for number, folder in enumerate(TABLES):
        store.write(f"{folder}/part", lambda path, size=10**number: path.write_bytes(bytes(size)))
    schedule = CountedSchedule(10**9, None)
    assert DiskBudget(store, schedule, Notes([])).make_room(0, 8, is_last=False)
    assert schedule.tables == sum(10**number for number in range(len(TABLES)))
