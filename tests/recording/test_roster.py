"""What processes say of themselves, and what they conclude from it, over a store of one process."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator

import pytest
import torch
import torch.distributed as distributed

from weightdesk.errors import RunExistsError, WatchError
from weightdesk.recording.replicas import ReplicaCheck, differences, notes_on_others
from weightdesk.recording.roster import Entry, Roster, _watched, digest_of


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    shared = distributed.HashStore()
    monkeypatch.setattr(distributed.distributed_c10d, "_get_default_store", lambda: shared)
    _watched.clear()
    yield
    _watched.clear()


def roster(number: int, time_: int = 0) -> Roster:
    """The roster as another process would make it for its n-th `watch` of the place."""
    _watched["runs/mine"] = time_
    return Roster("runs/mine", number)


def test_an_entry_comes_as_it_was_said() -> None:
    entry = Entry({"w": [2, 3]}, digest=7)
    roster(0).enter(entry)
    assert roster(1).entry(0) == entry
    assert roster(1).entry(2) is None


@pytest.mark.parametrize(
    ("problem", "kind", "text"),
    [
        (RunExistsError("runs/mine holds a run"), RunExistsError, "runs/mine holds a run"),
        (
            PermissionError(13, "denied"),
            WatchError,
            r"process 0 cannot record: PermissionError: \[Errno 13\] denied",
        ),
    ],
)
def test_a_problem_of_process_0_is_raised_elsewhere(
    problem: Exception, kind: type[Exception], text: str
) -> None:
    roster(0).enter(Entry(problem=problem))
    entry = roster(1).entry(0)
    assert entry is not None
    assert entry.problem is not None
    with pytest.raises(kind, match=text):
        raise entry.problem


def test_waiting_ends() -> None:
    began = time.monotonic()
    assert roster(1).wait_for_first(0.1) is None
    assert time.monotonic() - began < 2


def test_each_time_a_place_is_watched_has_its_own_entries() -> None:
    roster(0, time_=0).enter(Entry({"w": [1]}))
    assert roster(1, time_=1).entry(0) is None
    roster(0, time_=1).enter(Entry({"v": [1]}))
    entry = roster(1, time_=1).entry(0)
    assert entry is not None
    assert list(entry.shapes) == ["v"]


def test_without_a_store_watch_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributed.distributed_c10d, "_get_default_store", lambda: None)
    with pytest.raises(WatchError, match="no key-value store"):
        roster(0)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (Entry({"w": [2]}, digest=1), None),
        (Entry({"w": [2]}, digest=2), "process 1: its parameters have the names but not the values of"),
        (Entry({"w": [3]}, digest=1), r"process 1: it holds other parameters \(w\) than"),
        (Entry({n: [1] for n in "abcde"}), r"it holds other parameters \(a, b, c and 2 more\) than"),
    ],
)
def test_a_process_that_differs_says_so_once(own: Entry, said: str | None) -> None:
    first = Entry({"w": [2], "more": [1]}, digest=1)
    check = ReplicaCheck(roster(1), 1, own)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check.look(1)  # process 0 has said nothing so far
    roster(0).enter(first)
    roster(1).enter(own)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for step in range(2, 9):
            check.look(step)
        check.close()
    assert len(told) == (said is not None)
    notes = notes_on_others(roster(0), first, 3)  # process 2 said nothing
    assert len(notes) == (said is not None)
    if said is not None:
        with pytest.warns(RuntimeWarning, match=said):
            warnings.warn_explicit(told[0].message, None, "x", 1)
        assert notes[0].startswith("process 1 is not recorded: ")


def test_the_first_process_never_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weightdesk.recording.replicas._LAST_PATIENCE", 0.05)
    check = ReplicaCheck(roster(1), 1, Entry({"w": [2]}))
    check.look(1)
    with pytest.warns(RuntimeWarning, match="process 1: process 0 did not call watch"):
        check.close()


def test_a_store_that_is_gone_ends_no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = roster(1)
    check = ReplicaCheck(mine, 1, Entry({"w": [2]}))

    def fail(_keys: list[str]) -> bool:
        raise distributed.DistNetworkError("connection reset")

    mine._store = type("Gone", (), {"check": staticmethod(fail)})()
    with pytest.warns(RuntimeWarning, match="cannot ask process 0: connection reset"):
        check.look(1)
    check.look(2)
    check.close()


def test_no_difference_is_none() -> None:
    assert differences(Entry({"w": [1]}, 3), Entry({"w": [1], "v": [2]}, 3)) is None


def test_digests_tell_values_and_names() -> None:
    weights = {"w": torch.randn(5), "v": torch.randn(2, 3)}
    places = {name: torch.arange(weight.numel()).numpy() for name, weight in weights.items()}
    digest = digest_of(weights, places)
    assert digest == digest_of({name: weight.clone() for name, weight in weights.items()}, places)
    for name in weights:
        other = weights | {name: weights[name] + 1e-6}
        assert digest_of(other, places) != digest
