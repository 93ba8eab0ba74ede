from __future__ import annotations

from pathlib import Path

import pytest
import torch
from edit_contract import EditContract
from random_edits import kept_weights, masks, same_bits, state_of
from torch import Tensor

from weightdesk.desk.edits import Edit, Rewinding
from weightdesk.desk.places import Place
from weightdesk.desk.state import State
from weightdesk.errors import RunNotFoundError, StepNotKeptError
from weightdesk.runs.manifest import Manifest, write_manifest
from weightdesk.runs.snapshots import write_snapshot
from weightdesk.runs.stores import open_store


class TestRewinding(EditContract):
    kind = "rewind"

    def expected(self, edit: Edit, values: dict[str, Tensor]) -> dict[str, Tensor]:
        assert isinstance(edit, Rewinding)
        then = state_of(seed=1 if edit.step == 0 else 2).values
        return {
            name: torch.where(mask, then[name].to(values[name].dtype), values[name])
            for name, mask in masks(str(edit.place), values).items()
        }


def test_a_step_from_the_end_is_settled() -> None:
    turned = state_of().with_edit(Rewinding(Place.parse("fc"), kept_weights()[0], -2))
    assert turned.edits[0].describe() == "fc rewound to step 0"


def test_undone_and_done_again_it_needs_no_run(tmp_path: Path) -> None:
    store = open_store(tmp_path / "run")
    about = {"parameters": [{"name": "w", "shape": [2], "dtype": "float32"}]}
    write_manifest(store, Manifest(created="2026-01-31T12:00:00+00:00", model=about))
    write_snapshot(store, 4, {"w": torch.tensor([3.0, 4.0])})
    state = State((), {"w": torch.zeros(2)})
    turned = state.with_edit(Rewinding(Place("w", (1,)), str(tmp_path / "run"), 4))
    (tmp_path / "run/snapshots/00000004.safetensors").unlink()
    again = turned.with_edits(()).with_edits(turned.edits)
    assert again.values["w"].tolist() == [0, 4]
    with pytest.raises(StepNotKeptError, match="no snapshot at step 4"):
        state.with_edit(Rewinding(Place("w"), str(tmp_path / "run"), 4))


def test_only_what_is_turned_is_kept_of_the_source() -> None:
    turned = state_of().with_edit(Rewinding(Place.parse("fc[1]"), kept_weights()[0], 8))
    assert isinstance(turned.edits[0], Rewinding)
    assert [each.untyped_storage().nbytes() for each in turned.edits[0].fetched] == [8 * 4, 4]


def test_a_missing_run_or_step_is_a_conflict() -> None:
    here = state_of().parameters
    gone = Rewinding(Place.parse("fc"), "runs/nowhere", 0)
    with pytest.raises(RunNotFoundError):
        state_of().with_edit(gone)
    assert "no run.json in runs/nowhere" in next(gone.conflicts(here))
    assert "nearest kept: 0 and 8" in next(Rewinding(Place("fc"), kept_weights()[0], 5).conflicts(here))
    both = list(Rewinding(Place.parse("fcc"), "runs/nowhere", 0).conflicts(here))
    assert len(both) == 2


def test_a_tied_name_is_found_in_the_run() -> None:
    turned = state_of().with_edit(Rewinding(Place.parse("head.weight"), kept_weights()[0], 8))
    assert same_bits(turned.values["embed.weight"], state_of(seed=2).values["embed.weight"])
