"""Weight files: exactly these names and bits, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file

from weightdesk.errors import WeightFileError
from weightdesk.paths import portable_path
from weightdesk.runs.parent import Parent
from weightdesk.runs.weightfile import read_weights, write_weights

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_type_comes_back_bit_for_bit(dtype: torch.dtype, tmp_path: Path) -> None:
    tensor = torch.arange(12).to(dtype).view(3, 4)
    write_weights(tmp_path / "a.safetensors", {"t": tensor, "scalar": tensor[0, 1], "none": tensor[:0]}, {})
    found = load_file(tmp_path / "a.safetensors")
    assert torch.equal(found["t"], tensor)
    assert found["t"].dtype == dtype
    assert (found["scalar"].shape, found["none"].shape) == ((), (0, 4))


def test_views_ties_and_transposed_tensors_are_written_as_they_look(tmp_path: Path) -> None:
    whole = torch.arange(6.0).view(2, 3)
    tensors = {
        "whole": whole,
        "tied": whole,
        "row": whole[1],
        "turned": whole.T,
        "wide": whole[:1].expand(4, 3),
    }
    write_weights(tmp_path / "a.safetensors", tensors, {})
    found = load_file(tmp_path / "a.safetensors")
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_a_file_that_is_there_stays_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    write_weights(file, {"w": torch.zeros(1)}, {})
    with pytest.raises(WeightFileError, match="is there already; name another file"):
        write_weights(file, {"w": torch.ones(1)}, {})
    assert load_file(file)["w"].item() == 0.0
    write_weights(file, {"w": torch.ones(1)}, {}, overwrite=True)
    assert load_file(file)["w"].item() == 1.0


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_tensors: object, path: Path, **_: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("weightdesk.runs.weightfile.save_file", full)
    with pytest.raises(WeightFileError, match="No space left on device"):
        write_weights(tmp_path / "a.safetensors", {"w": torch.zeros(1)}, {})
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(1)}, tmp_path / "a.pt")
    with pytest.raises(WeightFileError, match="cannot be read as safetensors"):
        read_weights(tmp_path / "a.pt")
    with pytest.raises(WeightFileError, match="no file"):
        read_weights(tmp_path / "b.safetensors")


@given(
    run=st.none() | st.text().map(portable_path),
    step=st.none() | st.integers(0, 10**9),
    names=st.lists(st.text(), max_size=3),
)
def test_a_parent_comes_back_from_json_and_from_metadata(
    run: str | None, step: int | None, names: list[str]
) -> None:
    mix = {"turns": [{"turn": "mute", "place": name} for name in names]} if names else None
    parent = Parent(run, step, mix, "a.safetensors")
    assert Parent.from_dict(parent.to_dict()) == parent
    assert Parent.from_metadata(parent.to_metadata(), "a.safetensors") == parent
    assert ("turn" in str(Parent("r", step, mix))) == bool(names)


def test_the_metadata_say_what_was_given(tmp_path: Path) -> None:
    write_weights(tmp_path / "a.safetensors", {"w": torch.zeros(1)}, {"parent_run": "runs/a"})
    with safe_open(tmp_path / "a.safetensors", framework="pt") as file:
        assert file.metadata() == {"format": "pt", "parent_run": "runs/a"}
    assert read_weights(tmp_path / "a.safetensors").metadata["parent_run"] == "runs/a"
