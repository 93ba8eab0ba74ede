from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from edit_contract import EditContract
from random_edits import kept_weights, masks, same_bits, speaker, state_of
from safetensors.torch import save_model
from torch import Tensor

from weightdesk.desk.edits import Edit, Transplanting
from weightdesk.desk.places import Place
from weightdesk.desk.state import State
from weightdesk.errors import OptionError, UnknownParameterError, WeightFileError


class TestTransplanting(EditContract):
    kind = "transplant"

    def expected(self, edit: Edit, values: dict[str, Tensor]) -> dict[str, Tensor]:
        assert isinstance(edit, Transplanting)
        other = state_of(seed=2 if edit.source_path == kept_weights()[0] else 3).values
        return {
            name: torch.where(mask, other[name].to(values[name].dtype), values[name])
            for name, mask in masks(str(edit.place), values).items()
        }


def test_the_last_step_is_settled() -> None:
    turned = state_of().with_edit(Transplanting(Place.parse("fc"), kept_weights()[0]))
    assert turned.edits[0].to_json()["step"] == 8


def test_a_tied_weight_is_found_under_the_name_that_was_kept(tmp_path: Path) -> None:
    save_model(speaker(seed=5), str(tmp_path / "tied.safetensors"))
    turned = state_of().with_edit(Transplanting(Place(""), str(tmp_path / "tied.safetensors")))
    expected = state_of(seed=5).values
    assert all(same_bits(turned.values[name], expected[name]) for name in expected)


def test_every_misfit_is_a_conflict_of_its_own(tmp_path: Path) -> None:
    torch.save({"a.weight": torch.zeros(2, 3), "a.bias": torch.zeros(2)}, tmp_path / "small.pt")
    state = State((), {"a.weight": torch.zeros(2, 4), "a.bais": torch.zeros(2), "b": torch.zeros(1)})
    edit = Transplanting(Place(""), str(tmp_path / "small.pt"))
    assert [each.replace(str(tmp_path), "") for each in edit.conflicts(state.parameters)] == [
        "a.weight has shape (2, 4), but (2, 3) in /small.pt",
        "/small.pt has no a.bais; did you mean a.bias?",
        "/small.pt has no b; choose from a.bias, a.weight",
    ]
    with pytest.raises(OptionError, match="but \\(2, 3\\) in"):
        state.with_edit(edit)
    with pytest.raises(UnknownParameterError, match="has no b"):
        state.with_edit(Transplanting(Place("b"), str(tmp_path / "small.pt")))


class _Surprise:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("this code must never run",))


def test_nothing_pickled_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tmp_path / "trap.pt").open("wb") as file:
        pickle.dump({"fc.weight": _Surprise()}, file, protocol=2)
    torch.save({"fc.weight": _Surprise()}, tmp_path / "trap.pth")
    for name in ("trap.pt", "trap.pth"):
        with pytest.raises(WeightFileError, match="holds more than tensors, or is damaged"):
            state_of().with_edit(Transplanting(Place("fc"), str(tmp_path / name)))
    assert "never" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["a.safetensors", "a.pt", "a.bin"])
def test_a_missing_or_damaged_file_is_one_clear_line(tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    with pytest.raises(WeightFileError, match=r"no file .* expected weights in"):
        state_of().with_edit(Transplanting(Place("fc"), str(place)))
    place.write_bytes(b"nonsense")
    with pytest.raises(WeightFileError, match=r"cannot be read|is damaged") as caught:
        state_of().with_edit(Transplanting(Place("fc"), str(place)))
    assert "\n" not in str(caught.value)


def test_a_file_without_tensors(tmp_path: Path) -> None:
    torch.save({"epoch": 3}, tmp_path / "empty.pt")
    with pytest.raises(WeightFileError, match="holds no tensors by name"):
        state_of().with_edit(Transplanting(Place("fc"), str(tmp_path / "empty.pt")))


def test_a_file_has_no_steps() -> None:
    with pytest.raises(OptionError, match="is one file of weights; leave out step=3"):
        state_of().with_edit(Transplanting(Place("fc"), kept_weights()[1], 3))
