"""Pieces of snapshots: whole tensors out of equal editions, and never a zero that nobody wrote."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from weightdesk.recording.assembly import _WAITING, Assembly
from weightdesk.recording.notes import Notes
from weightdesk.recording.pieces import Edition, PieceFolder, write_piece
from weightdesk.recording.placement import Shard
from weightdesk.recording.ranks import Rank
from weightdesk.runs.stores import Store, open_store

WHOLE = torch.arange(1.0, 13.0).view(4, 3)
_counter = iter(range(1_000_000))


def new_store() -> Store:
    return open_store(f"memory://pieces-{next(_counter)}")


def piece(
    step: int, rows: slice, *, is_full: bool = False, extra: bool = True, mine: bool = True, **options: Any
) -> Any:
    """A snapshot of some rows of `WHOLE`, and of its gradient."""
    shard = Shard((4, 3), (rows.start, 0), (rows.stop - rows.start, 3), mine)
    gradient = {"w@gradient": 10 * WHOLE[rows]} if is_full and extra else {}
    return SimpleNamespace(
        step=step,
        is_full=is_full,
        is_last=False,
        tensors={"w": WHOLE[rows]} if mine else {},
        extra=gradient,
        shards={"w": shard} | dict.fromkeys(gradient, shard),
        metadata={"options": json.dumps(options)} if options else {},
    )


UPPER, LOWER = slice(0, 2), slice(2, 4)


def test_a_snapshot_is_complete_with_all_pieces_of_one_edition() -> None:
    store, folder = new_store(), None
    write_piece(store, piece(0, UPPER), 0)
    write_piece(store, piece(0, UPPER, is_full=True, w={"lr": 1}), 0)
    write_piece(store, piece(0, LOWER), 1)
    folder = PieceFolder(store)
    folder.refresh()
    assert [folder.is_complete(e) for e in folder.editions()] == [True, False]  # weights, but no gradients
    write_piece(store, piece(0, LOWER, is_full=True, v={"lr": 2}), 1)
    folder.refresh()
    tensors, metadata = folder.assemble(Edition(0, is_full=True))
    assert torch.equal(tensors["w"], WHOLE)
    assert torch.equal(tensors["w@gradient"], 10 * WHOLE)
    assert json.loads(metadata["options"]) == {"w": {"lr": 1}, "v": {"lr": 2}}


def test_what_the_pieces_lack_is_left_out() -> None:
    store = new_store()
    write_piece(store, piece(0, UPPER, is_full=True), 0)
    write_piece(store, piece(0, LOWER, is_full=True, extra=False), 1)
    folder = PieceFolder(store)
    folder.refresh()
    assert folder.is_complete(Edition(0, is_full=True))
    assert list(folder.assemble(Edition(0, is_full=True))[0]) == ["w"]


def test_a_tensor_that_another_process_records_is_waited_for() -> None:
    store = new_store()
    write_piece(store, piece(0, UPPER, mine=False), 0)
    folder = PieceFolder(store)
    folder.refresh()
    assert not folder.is_complete(Edition(0, is_full=False))


@given(st.lists(st.integers(0, 12), min_size=0, max_size=4), st.booleans())
def test_flat_slices_make_the_whole(cuts: list[int], lacks_one: bool) -> None:
    """As the first FSDP cuts: anywhere in the elements, perhaps with nothing for a process."""
    bounds = [0, *sorted(cuts), 12]
    parts = list(itertools.pairwise(bounds))
    gone = next(i for i, (a, b) in enumerate(parts) if a < b) if lacks_one else None
    store = new_store()
    for rank, (start, stop) in enumerate(parts):
        shard = Shard((4, 3), (start,), (stop - start,), start < stop, is_flat=True)
        tensors = {"w": WHOLE.flatten()[start:stop].clone()} if start < stop else {}
        about = {"step": 3, "is_full": False, "is_last": True, "extra": {}, "metadata": {}}
        if rank != gone:
            write_piece(store, SimpleNamespace(**about, tensors=tensors, shards={"w": shard}), rank)  # type: ignore[arg-type]
    folder = PieceFolder(store)
    folder.refresh()
    edition = Edition(3, is_full=False)
    if folder.editions():
        assert folder.is_complete(edition) is not lacks_one
        tensors, _ = folder.assemble(edition)
        assert "w" not in tensors if lacks_one else torch.equal(tensors["w"], WHOLE)


class Kept:
    """A keeper that remembers what it was given."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, list[str]]] = []

    def __call__(self, step: int, tensors: dict[str, Tensor], _metadata: Any) -> None:
        self.steps.append((step, sorted(tensors)))


def assembly(store: Store, notes: Notes) -> tuple[Assembly, Kept]:
    kept = Kept()
    return Assembly(store, Rank(0, 2, sharded=True, partners=frozenset({0, 1})), kept, notes), kept


def test_pieces_go_when_they_are_assembled() -> None:
    store, notes = new_store(), Notes([])
    assembler, kept = assembly(store, notes)
    for is_full in (False, True):
        for rank, rows in enumerate((UPPER, LOWER)):
            write_piece(store, piece(5, rows, is_full=is_full), rank)
    assert assembler.assemble(10**9)
    assert kept.steps == [(5, ["w", "w@gradient"])]  # the edition without gradients is in it
    assert store.names("pieces") == []
    assert notes.texts == []


def test_pieces_of_steps_that_process_0_passed_by_go() -> None:
    store = new_store()
    assembler, kept = assembly(store, [])
    write_piece(store, piece(1, LOWER), 1)
    write_piece(store, piece(3, LOWER), 1)
    write_piece(store, piece(2, UPPER), 0)
    assert not assembler.assemble(10**9)
    assert store.names("pieces") == [
        "pieces/00000002-weights-r0.safetensors",
        "pieces/00000003-weights-r1.safetensors",
    ]
    assert kept.steps == []


@pytest.mark.parametrize(("limit", "left"), [(10**9, _WAITING), (1, 1)])
def test_waiting_pieces_are_bounded(limit: int, left: int) -> None:
    store, notes = new_store(), Notes([])
    assembler, _ = assembly(store, notes)
    for step in range(_WAITING + 4):
        write_piece(store, piece(step, UPPER), 0)
    assembler.assemble(limit)
    assert len(store.names("pieces")) == left
    write_piece(store, piece(0, LOWER), 1)  # too late
    assembler.assemble(limit)
    assert len(store.names("pieces")) == left


def test_giving_up_says_what_is_missing() -> None:
    store, notes = new_store(), Notes([])
    assembler, _ = assembly(store, notes)
    write_piece(store, piece(0, UPPER), 0)
    write_piece(store, piece(0, LOWER), 1)
    write_piece(store, piece(7, UPPER), 0)
    assert not assembler.assemble(10**9)
    with pytest.warns(RuntimeWarning, match="no snapshot of step 7: .* process 1 did not write"):
        assembler.give_up()
    assert len(notes.texts) == 1
    assert store.names("pieces") == []


def test_an_absent_process_is_warned_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    store, notes = new_store(), Notes([])
    assembler, _ = assembly(store, notes)
    write_piece(store, piece(0, UPPER), 0)
    monkeypatch.setattr("weightdesk.recording.assembly._GRACE", 0.0)
    with pytest.warns(RuntimeWarning, match="process 1 recorded nothing.*call watch in every process"):
        assembler.assemble(10**9)
    assembler.assemble(10**9)
    assembler.give_up()
    assert ["process 1 recorded nothing" in note for note in notes.texts] == [True, False]


def test_another_process_assembles_nothing() -> None:
    store = new_store()
    write_piece(store, piece(0, LOWER), 1)
    assert Assembly(store, Rank(1, 2, sharded=True), Kept(), []).assemble(10**9)
    assert len(store.names("pieces")) == 1
