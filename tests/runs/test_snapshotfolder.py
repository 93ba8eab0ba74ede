"""Tensors of a step, whichever file they lie in."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

from weightdesk.errors import RunFormatError
from weightdesk.runs import Parameter
from weightdesk.runs.format import partial_name, snapshot_name
from weightdesk.runs.snapshotfolder import LEFT_OUT, SnapshotFolder
from weightdesk.runs.snapshotreader import SnapshotReader
from weightdesk.runs.snapshots import write_extra, write_snapshot
from weightdesk.runs.stackedsteps import Row, restack, rows_of, steps_of, write_rows
from weightdesk.runs.stores import Store, open_store
from weightdesk.runs.tensorfile import Slot, TensorFile

_numbers = itertools.count()
DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool)


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return open_store(tmp_path if request.param == "local" else f"memory://folder-{next(_numbers)}")


def write_partial(store: Store, step: int, tensors: dict[str, Tensor]) -> None:
    def fill(path: Path) -> None:
        with TensorFile(path, {name: Slot.of(each) for name, each in tensors.items()}, {}) as file:
            for name, each in tensors.items():
                file.write(name, each)

    store.write(partial_name(step), fill)


def row(step: int, seed: int = 0) -> Row:
    make = torch.Generator().manual_seed(1000 * seed + step)
    weight, gradient = (torch.randn(3, 2, generator=make) for _ in range(2))
    tensors = {"w": weight, "count": torch.tensor(step), "w@gradient": gradient, "w@update": -gradient}
    about = {"optimizer": '"SGD"', "options": json.dumps({"w": {"lr": 0.1 / (1 + step // 3)}})}
    return Row(step, tensors, about)


@pytest.mark.parametrize("dtype", DTYPES)
def test_elements_and_units_are_those_of_the_whole_tensor(store: Store, dtype: torch.dtype) -> None:
    values = (torch.randn(5, 4, generator=torch.Generator().manual_seed(0)) * 50).to(dtype)
    write_snapshot(store, 0, {"before": torch.zeros(3, dtype=torch.bool), "w": values})
    write_partial(store, 3, {"w": values.flip(0)})
    write_rows(store, [Row(8, {"w": values}), Row(9, {"w": values.flip(0)})])
    folder = SnapshotFolder(store)
    assert folder.steps_with("w") == (0, 3, 8, 9)
    parameter = Parameter("w", (5, 4), str(dtype).removeprefix("torch."))
    assert folder.whole_steps() == (0, 8, 9)
    for index in range(values.numel()):
        steps, elements = folder.elements(
            "w", index, Parameter("w", (5, 4), str(dtype).removeprefix("torch."))
        )
        assert steps == [0, 3, 8, 9]
        assert elements.dtype == dtype
        for step, element in zip(steps, elements, strict=True):
            whole = folder.tensor(step, "w")
            assert torch.equal(whole, values if step in (0, 8) else values.flip(0))
            assert torch.equal(whole.flatten()[index], element)
            assert torch.equal(folder.element(step, "w", index)[0], element)
    for step, (start, stop) in itertools.product((0, 3, 8, 9), ((0, 5), (1, 3), (2, 2), (4, 9))):
        units = folder.units(step, "w", start, stop)
        assert torch.equal(units, folder.tensor(step, "w")[start:stop])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(width=32), min_size=1), st.data())
def test_elements_keep_every_bit(values: list[float], data: st.DataObject) -> None:
    store = open_store("memory://bits")
    tensor = torch.tensor(values, dtype=torch.float32)
    write_snapshot(store, 0, {"w": tensor})
    index = data.draw(st.integers(0, len(values) - 1))
    _, found = SnapshotFolder(store).elements("w", index, Parameter("w", (len(values),), "float32"))
    assert found.view(torch.int32).item() == tensor.view(torch.int32)[index].item()


def test_leaves_out_steps_without_the_file_or_the_tensor(store: Store) -> None:
    for step in range(3):
        write_snapshot(store, step, {"w" if step else "v": torch.full((2,), float(step))})
    folder, w = SnapshotFolder(store), Parameter("w", (2,), "float32")
    steps, values = folder.elements("w", 1, w)
    assert (steps, values.tolist()) == ([1, 2], [1.0, 2.0])
    store.delete(snapshot_name(2))
    assert folder.elements("w", 1, w)[0] == [1]
    assert folder.elements("nothing", 1, w)[1].shape == (0,)
    with pytest.raises(FileNotFoundError):
        folder.tensor(2, "w")


def test_a_parameter_without_room_is_no_parameter_that_did_not_move(store: Store) -> None:
    for step, names in enumerate((["a", "b"], ["a"])):
        about = {LEFT_OUT: json.dumps(["b"])} if step else {}
        write_extra(store, step, {f"{name}@update": torch.ones(2) for name in names}, metadata=about)
    folder = SnapshotFolder(store)
    assert folder.extra_steps() == (0, 1)
    assert [folder.extra_steps(name) for name in "abc"] == [(0, 1), (0,), (0, 1)]
    assert folder.keys(0, "b") == ["update"]
    assert folder.keys(1, "b") == []


def test_rows_are_read_back_as_steps(store: Store) -> None:
    rows = [row(step) for step in range(0, 20, 2)]
    name, size = write_rows(store, rows)
    assert store.size(name) == size
    folder = SnapshotFolder(store)
    assert folder.whole_steps() == folder.extra_steps() == tuple(range(0, 20, 2))
    for each in rows:
        for key, tensor in each.tensors.items():
            assert torch.equal(folder.tensor(each.step, key), tensor)
        assert folder.keys(each.step, "w") == ["gradient", "update"]
        facts = folder.facts(each.step)
        assert (facts.optimizer, facts.options) == ("SGD", {"w": {"lr": 0.1 / (1 + each.step // 3)}})
        state = folder.state(each.step)
        assert state.keys() == {"w", "count"}
        assert torch.equal(state["w"], each.tensors["w"])


def test_rows_are_one_strided_tensor_for_other_tools(tmp_path: Path) -> None:
    rows = [row(step) for step in range(4)]
    name, _ = write_rows(open_store(tmp_path), rows)
    stacked = load_file(tmp_path / name)
    assert stacked.keys() == rows[0].tensors.keys()
    assert torch.equal(stacked["w"], torch.stack([each.tensors["w"] for each in rows]))


def test_ties_hold_only_where_all_rows_have_them(store: Store) -> None:
    rows = []
    for step in range(3):
        gradient = torch.full((2,), float(step))
        left = gradient if step != 1 else torch.full((2,), 9.0)
        shared = torch.full((2,), -float(step))
        tensors = {"a": shared, "b": shared, "a@gradient": gradient, "a@backward_gradient": left}
        rows.append(Row(step, tensors))
    name, _ = write_rows(store, rows)
    assert SnapshotReader(store).header(name).entries.keys() == {"a", "a@gradient", "a@backward_gradient"}
    again = restack(store, SnapshotReader(store), [name], lambda step: step != 1)
    assert again is not None
    store.delete(name)
    folder = SnapshotFolder(store)
    for step in (0, 2):
        assert torch.equal(folder.tensor(step, "b"), rows[step].tensors["b"])
        assert torch.equal(folder.tensor(step, "a@backward_gradient"), rows[step].tensors["a@gradient"])
    assert folder.state_metadata(0) == {"format": "pt", "step": "0", "b": "a"}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=5),
    st.sets(st.integers(0, 14)),
)
def test_restacked_rows_are_those_that_were_there(lengths: list[int], kept: set[int]) -> None:
    store = open_store(f"memory://restack-{next(_numbers)}")
    rows = [row(step) for step in range(sum(lengths))]
    ends = list(itertools.accumulate(lengths, initial=0))
    names = [write_rows(store, rows[start:stop])[0] for start, stop in itertools.pairwise(ends)]
    made = restack(store, SnapshotReader(store), names, kept.__contains__)
    wanted = [each for each in rows if each.step in kept]
    assert (made is None) == (not wanted)
    if made is None:
        return
    for name in names:
        if name != made[0]:
            store.delete(name)
    folder = SnapshotFolder(store)
    assert folder.whole_steps() == tuple(each.step for each in wanted)
    for each in wanted:
        assert torch.equal(folder.tensor(each.step, "w@gradient"), each.tensors["w@gradient"])
        assert folder.facts(each.step).options["w"]["lr"] == 0.1 / (1 + each.step // 3)


def test_a_reader_follows_files_that_were_put_together(store: Store) -> None:
    names = [write_rows(store, [row(step)])[0] for step in range(3)]
    folder = SnapshotFolder(store)
    assert folder.whole_steps() == (0, 1, 2)
    restack(store, SnapshotReader(store), names)
    for name in names:
        store.delete(name)
    assert torch.equal(folder.tensor(1, "w"), row(1).tensors["w"])
    assert folder.keys(2, "w") == ["gradient", "update"]
    assert folder.facts(2).optimizer == "SGD"


def test_rows_say_of_themselves_what_changes() -> None:
    texts = [{"a": "1"}, {"a": "1"}, {"a": "2"}, {}, {}, {"b": "3"}]
    store = open_store("memory://changes")
    name, _ = write_rows(store, [Row(step, {"w": torch.zeros(1)}, text) for step, text in enumerate(texts)])
    metadata = SnapshotReader(store).header(name).metadata
    assert rows_of(metadata) == texts
    assert steps_of(metadata) == list(range(6))
    assert len(json.loads(metadata["rows"])) == 4


@pytest.mark.parametrize(
    "metadata", [{}, *({"steps": text} for text in ("nope", "{}", "[0, -1]", "[true]", "[0, 1, 2]"))]
)
def test_a_damaged_file_of_rows_is_named(store: Store, metadata: dict[str, str]) -> None:
    def fill(path: Path) -> None:
        with TensorFile(path, {"w": Slot(torch.float32, (2, 3))}, metadata) as file:
            file.write("w", torch.zeros(2, 3))

    store.write("snapshots/00000000-00000002.rows3.safetensors", fill)
    with pytest.raises(RunFormatError, match=r"rows3.safetensors is damaged: .*; remove it") as caught:
        SnapshotFolder(store).tensor(2, "w")
    assert "\n" not in str(caught.value)
