from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from weightdesk.errors import RunFormatError
from weightdesk.runs.format import snapshot_name
from weightdesk.runs.snapshotreader import SnapshotReader
from weightdesk.runs.snapshots import write_snapshot
from weightdesk.runs.stores import Store, open_store

DTYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
)
LAYOUTS = {
    "contiguous": lambda base: base,
    "transposed": lambda base: base.t(),
    "strided": lambda base: base[::2, 1:],
    "flat": lambda base: base.flatten(),
    "scalar": lambda base: base[1, 2],
    "empty": lambda base: base[:0],
}


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return open_store(tmp_path if request.param == "local" else "memory://snapshotreader")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_tensor_is_the_one_that_was_written(store: Store, dtype: torch.dtype, layout: str) -> None:
    values = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)) * 50
    tensor = LAYOUTS[layout](values.to(dtype))
    write_snapshot(store, 0, {"before": torch.zeros(3, dtype=torch.bool), "w": tensor})
    reader = SnapshotReader(store)
    whole = reader.tensor(snapshot_name(0), "w")
    assert whole.dtype == dtype
    assert whole.shape == tensor.shape
    assert torch.equal(whole, tensor)


def test_a_local_tensor_is_what_safetensors_loads(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    write_snapshot(store, 0, {"a": torch.randn(3, 2), "b": torch.randn(7)})
    expected = load_file(tmp_path / snapshot_name(0))
    reader = SnapshotReader(store)
    assert all(torch.equal(reader.tensor(snapshot_name(0), key), expected[key]) for key in expected)


def test_a_tensor_is_the_readers_own(store: Store) -> None:
    write_snapshot(store, 0, {"w": torch.zeros(2)})
    reader = SnapshotReader(store)
    reader.tensor(snapshot_name(0), "w").add_(1)
    assert reader.tensor(snapshot_name(0), "w").tolist() == [0, 0]


def test_a_tied_name_finds_its_tensor(store: Store) -> None:
    weight = torch.arange(4.0)
    write_snapshot(store, 0, {"a": weight, "b": weight})
    reader = SnapshotReader(store)
    assert torch.equal(reader.tensor(snapshot_name(0), "b"), weight)


def test_a_header_longer_than_the_first_read_is_read_whole(store: Store) -> None:
    tensors = {
        f"a rather long name of a tensor, number {place}": torch.full((1,), place) for place in range(999)
    }
    write_snapshot(store, 0, tensors)
    header = SnapshotReader(store).header(snapshot_name(0))
    assert len(header.entries) == 999
    assert header.metadata["step"] == "0"


def header_of(content: object) -> bytes:
    text = json.dumps(content).encode()
    return struct.pack("<Q", len(text)) + text


GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"1234",
        struct.pack("<Q", 1 << 40) + b"{}",
        struct.pack("<Q", 4) + b"nope",
        header_of([1]),
        header_of({"w": GOOD | {"dtype": "F4"}}) + bytes(8),
        header_of({"w": GOOD | {"data_offsets": [0, 4]}}) + bytes(8),
        header_of({"w": {"dtype": "F32"}}),
        header_of({"w": GOOD}) + bytes(5),
        header_of({"v": GOOD}) + bytes(8),
        header_of({"w": GOOD | {"shape": [-1, -2]}}) + bytes(8),
        header_of({"w": GOOD | {"shape": [2.0]}}) + bytes(8),
        header_of({"w": GOOD | {"shape": [True, 2]}}) + bytes(8),
        header_of({"w": GOOD | {"shape": [1] * 64 + [2]}}) + bytes(8),
        header_of({"w": GOOD | {"shape": [0, 2**62, 2**62], "data_offsets": [0, 0]}}),
        header_of({"w": GOOD | {"data_offsets": [-8, 0]}}) + bytes(8),
        header_of({"w": GOOD | {"data_offsets": [0.0, 8.0]}}) + bytes(8),
        header_of({"w": GOOD | {"data_offsets": [0, 8, 16]}}) + bytes(8),
        header_of({"w": GOOD | {"data_offsets": [10**30, 10**30 + 8]}}) + bytes(8),
        header_of({"w": GOOD | {"dtype": ["F32"]}}) + bytes(8),
        header_of({"w": 3}),
        header_of({"w": GOOD, "v": GOOD}) + bytes(8),
        header_of({"w": GOOD, "v": GOOD | {"data_offsets": [4, 12]}}) + bytes(12),
        header_of({"w": GOOD, "__metadata__": []}) + bytes(8),
        header_of({"w": GOOD, "__metadata__": {"step": 3}}) + bytes(8),
        header_of(None),
        struct.pack("<Q", 100_000) + b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_named(store: Store, content: bytes) -> None:
    store.write(snapshot_name(0), lambda path: path.write_bytes(content))
    with pytest.raises(RunFormatError, match=r"00000000.safetensors is damaged: .*; expected") as caught:
        SnapshotReader(store).tensor(snapshot_name(0), "w")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_file_not_found(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        SnapshotReader(store).header(snapshot_name(77))


def damaged(store: Store, change: Callable[[bytearray, int], object]) -> SnapshotReader:
    """A snapshot of three tensors after a change of its bytes, given them and where the data begin."""
    generator = torch.Generator().manual_seed(0)
    tensors = {name: torch.randn(40, 30, generator=generator) for name in ("a", "b", "c")}
    write_snapshot(store, 0, tensors)
    content = bytearray(store.read(snapshot_name(0)))
    change(content, 8 + int.from_bytes(content[:8], "little"))
    store.write(snapshot_name(0), lambda path: path.write_bytes(content))
    return SnapshotReader(store)


@pytest.mark.parametrize("length", [1, 8, 4096])
def test_zeros_in_place_of_values_are_told(store: Store, length: int) -> None:
    def zero_the_tail(content: bytearray, _data: int) -> None:
        content[-length:] = bytes(length)

    reader = damaged(store, zero_the_tail)
    for name in ("a", "b"):
        assert reader.tensor(snapshot_name(0), name).any()
    with pytest.raises(RunFormatError, match="the values of c are not those that were written"):
        reader.tensor(snapshot_name(0), "c")


@settings(max_examples=40)
@given(st.integers(0, 3 * 40 * 30 * 4 - 1), st.integers(0, 7))
def test_every_flipped_bit_is_told(place: int, bit: int) -> None:
    def flip(content: bytearray, data: int) -> None:
        content[data + place] ^= 1 << bit

    reader = damaged(open_store("memory://flipped"), flip)
    for number, name in enumerate(("a", "b", "c")):
        if place // (40 * 30 * 4) == number:
            with pytest.raises(RunFormatError, match=f"values of {name} are not"):
                reader.tensor(snapshot_name(0), name)
        else:
            reader.tensor(snapshot_name(0), name)


def test_a_file_without_checksums_is_read_as_it_is(store: Store) -> None:
    tensor = torch.arange(6.0).view(2, 3)
    store.write(snapshot_name(0), lambda path: save_file({"w": tensor}, path, {"step": "0"}))
    reader = SnapshotReader(store)
    assert torch.equal(reader.tensor(snapshot_name(0), "w"), tensor)
    assert reader.header(snapshot_name(0)).metadata == {"step": "0"}


def test_checksums_of_other_tensors_are_damage(store: Store) -> None:
    store.write(snapshot_name(0), lambda path: save_file({"w": torch.ones(1)}, path, {"checksums": "0" * 16}))
    with pytest.raises(RunFormatError, match="16 characters of checksums for 1 tensors"):
        SnapshotReader(store).header(snapshot_name(0))
