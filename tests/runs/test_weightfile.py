"""Weight files: exactly these names and bits, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from weightdesk.errors import OptionError, WeightFileError
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
        assert file.metadata().items() >= {"format": "pt", "parent_run": "runs/a"}.items()
    found = read_weights(tmp_path / "a.safetensors")
    assert found.metadata == {"format": "pt", "parent_run": "runs/a"}


def test_zeros_in_place_of_weights_are_told(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    write_weights(file, {"w": torch.rand(5), "v": torch.rand(3)}, {})
    content = file.read_bytes()
    file.write_bytes(content[:-8] + bytes(8))
    with pytest.raises(WeightFileError, match="the values of w are not those that were written"):
        read_weights(file)


def test_checksums_that_another_tool_left_beside_its_own_tensors_mean_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    write_weights(file, {"w": torch.rand(5)}, {})
    with safe_open(file, framework="pt") as opened:
        metadata = opened.metadata()
    save_file({"w": torch.zeros(5), "more": torch.ones(2)}, file, metadata)
    assert read_weights(file).tensors["w"].tolist() == [0.0] * 5


@pytest.mark.parametrize("overwrite", [False, True])
def test_only_regular_files_are_written_over(tmp_path: Path, *, overwrite: bool) -> None:
    (tmp_path / "mine.safetensors").write_text("mine")
    (tmp_path / "link.safetensors").symlink_to("mine.safetensors")
    (tmp_path / "dangling.safetensors").symlink_to("nowhere.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    os.mkfifo(tmp_path / "fifo.safetensors")
    before = sorted((path.name, path.lstat().st_mode) for path in tmp_path.iterdir())
    for name in ("link", "dangling", "folder", "fifo"):
        with pytest.raises(WeightFileError, match=f"{name}.safetensors"):
            write_weights(tmp_path / f"{name}.safetensors", {"w": torch.ones(1)}, {}, overwrite=overwrite)
    assert sorted((path.name, path.lstat().st_mode) for path in tmp_path.iterdir()) == before
    assert (tmp_path / "mine.safetensors").read_text() == "mine"


@pytest.mark.parametrize("place", ["~nobody-of-this-name/a.safetensors", "nul\0.safetensors", "a" * 300])
def test_impossible_places_are_refused_in_one_line(place: str) -> None:
    for ask in (read_weights, lambda place: write_weights(place, {"w": torch.ones(1)}, {})):
        with pytest.raises((WeightFileError, OptionError)) as caught:
            ask(place)
        assert "\n" not in str(caught.value)


def test_a_full_disk_is_told_whatever_error_safetensors_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("weightdesk.runs.weightfile.save_file", full)
    with pytest.raises(WeightFileError, match="No space left on device"):
        write_weights(tmp_path / "a.safetensors", {"w": torch.zeros(1)}, {})
