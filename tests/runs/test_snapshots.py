from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, load_model
from torch import nn

from weightdesk.runs.checksums import split_checksums, tensor_checksum
from weightdesk.runs.format import extra_name, snapshot_name
from weightdesk.runs.snapshotfolder import SnapshotFolder
from weightdesk.runs.snapshots import write_extra, write_snapshot
from weightdesk.runs.stores import Store, open_store

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.bool)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(6, 4)
        self.head = nn.Linear(4, 6, bias=False)
        self.head.weight = self.embed.weight


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_snapshot_is_a_checkpoint_that_safetensors_opens(store: Store, dtype: torch.dtype) -> None:
    tensors = {
        "matrix": torch.arange(12).view(3, 4).to(dtype),
        "scalar": torch.tensor(1).to(dtype),
        "empty": torch.empty(0, 3, dtype=dtype),
    }
    size = write_snapshot(store, 5, tensors)
    path = Path(store.location, snapshot_name(5))
    assert size == path.stat().st_size
    found = load_file(path)
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert all(found[name].dtype == dtype for name in tensors)


def test_layouts_are_written_as_they_read(store: Store) -> None:
    base = torch.arange(24.0).view(4, 6)
    tensors = {"t": base.t(), "every": base[::2, ::3], "wide": base[:1].expand(5, 6), "whole": base}
    write_snapshot(store, 0, tensors)
    found = load_file(Path(store.location, snapshot_name(0)))
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_views_of_one_flat_buffer_are_kept_apart(store: Store) -> None:
    flat = torch.arange(10.0)
    write_snapshot(store, 0, {"a": flat[:4], "b": flat[4:], "c": flat[2:6]})
    found = load_file(Path(store.location, snapshot_name(0)))
    assert [found[name].tolist() for name in "abc"] == [[0, 1, 2, 3], [4, 5, 6, 7, 8, 9], [2, 3, 4, 5]]


def test_tied_weights_are_written_once_and_load_into_a_tied_model(store: Store) -> None:
    model = Tied()
    write_snapshot(store, 0, model.state_dict())
    path = Path(store.location, snapshot_name(0))
    with safe_open(path, "pt") as file:
        assert list(file.keys()) == ["embed.weight"]
        metadata = file.metadata()
    assert split_checksums(metadata.pop("checksums"), ["embed.weight"]) == {
        "embed.weight": tensor_checksum(model.embed.weight)
    }
    assert metadata == {"format": "pt", "step": "0", "head.weight": "embed.weight"}
    other = Tied()
    load_model(other, path)
    assert torch.equal(other.head.weight, model.embed.weight)


def test_parameters_that_need_gradients_are_fine(store: Store) -> None:
    write_snapshot(store, 0, dict(nn.Linear(2, 3).named_parameters()))
    assert SnapshotFolder(store).whole_steps() == (0,)


def test_extras_lie_beside_and_keep_their_metadata(store: Store) -> None:
    write_extra(store, 4, {"w@gradient": torch.ones(2)}, metadata={"options": "[]"})
    with safe_open(Path(store.location, extra_name(4)), "pt") as file:
        assert file.metadata().items() >= {"format": "pt", "step": "4", "options": "[]"}.items()
    assert SnapshotFolder(store).whole_steps() == ()
    assert SnapshotFolder(store).extra_steps() == (4,)


def test_steps_are_in_the_order_of_numbers(store: Store) -> None:
    for step in (0, 99_999_999, 100_000_000, 3):
        write_snapshot(store, step, {"w": torch.zeros(1)})
    store.write("snapshots/mine.safetensors", lambda path: path.write_bytes(b""))
    assert SnapshotFolder(store).whole_steps() == (0, 3, 99_999_999, 100_000_000)


def test_the_same_tensors_give_the_same_data(store: Store) -> None:
    tensors = {"b": torch.randn(3), "a": torch.randn(5, 2)}
    contents = set()
    for _ in range(3):
        write_snapshot(store, 0, tensors)
        contents.add(store.read(snapshot_name(0))[-13 * 4 :])  # the header's metadata come in any order
    assert len(contents) == 1


def test_sparse_gradients_are_kept_in_full(store: Store) -> None:
    gradient = torch.eye(3)
    write_extra(store, 0, {"w@gradient": gradient.to_sparse()})
    assert torch.equal(load_file(Path(store.location, extra_name(0)))["w@gradient"], gradient)


def test_a_failed_write_leaves_nothing(store: Store) -> None:
    with pytest.raises(TypeError):
        write_snapshot(store, 0, {"w": torch.ones(2)}, metadata={"step": 1})  # type: ignore[dict-item]
    assert SnapshotFolder(store).whole_steps() == ()
    assert [path for path in Path(store.location).rglob("*") if path.is_file()] == []
