"""Recomputing in a thread: the newest turn alone, nothing late, nothing left behind."""

from __future__ import annotations

import gc
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from desk.desks import classifier, slow_groups, small_groups

from weightdesk.desk.desk import Desk
from weightdesk.desk.outcomes import probeset
from weightdesk.desk.outcomes.outcome import Outcome
from weightdesk.desk.outcomes.shown import Shown
from weightdesk.errors import ListenError


class Heard:
    """Notes what it is given, and lets a test wait for an exact outcome."""

    def __init__(self) -> None:
        self.all: list[Shown | Outcome] = []
        self._new = threading.Condition()

    def __call__(self, found: Shown | Outcome) -> None:
        with self._new:
            self.all.append(found)
            self._new.notify_all()

    def wait(self, until: Callable[[Any], bool]) -> Any:
        with self._new:
            assert self._new.wait_for(lambda: any(map(until, self.all)), 20)
            return next(each for each in reversed(self.all) if until(each))


def exact_of(count: int) -> Callable[[Any], bool]:
    return lambda each: isinstance(each, Outcome) and each.exact and len(each.edits) == count


def desk_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "weightdesk-desk"]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert not desk_threads()


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(probeset, "open_engine", small_groups)
    return Desk(*classifier())


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(probeset, "open_engine", slow_groups)
    return Desk(*classifier())


def test_shown_examples_come_first_and_an_exact_outcome_last(desk: Desk) -> None:
    heard = Heard()
    with desk:
        desk.listen(heard)
        heard.wait(exact_of(0))
        desk.set("0.weight", (0, 0), 2.0)
        last = heard.wait(exact_of(1))
    own = [each for each in heard.all if len(each.edits) == 1]
    assert isinstance(own[0], Shown)
    assert [len(each.examples) for each in own[1:]] == [16, 32, 48, 64, 70]
    assert last.measures == desk.outcome.measures
    assert torch.equal(last.outputs, desk.outcome.outputs)


def test_a_turn_stops_the_work_on_the_one_before(slow: Desk) -> None:
    heard, gate = Heard(), slow.engine.gate  # type: ignore[attr-defined]
    with slow:
        slow.listen(heard)
        heard.wait(exact_of(0))
        slow.mute("0", 1)  # waits at the gate
        slow.mute("0", 2)
        gate.set()
        heard.wait(exact_of(2))
    assert not [each for each in heard.all if len(each.edits) == 1]


def test_nothing_of_an_older_turn_comes_after_a_newer_one(desk: Desk) -> None:
    """Many turns at random moments: what is delivered after a turn belongs to it or to a later one."""
    chance, newest, late = random.Random(0), [0], []
    heard = Heard()

    def callback(found: Shown | Outcome) -> None:
        if len(found.edits) < newest[0]:
            late.append((len(found.edits), newest[0]))
        heard(found)

    with desk:
        desk.listen(callback)
        for turn in range(1, 201):
            desk.set("0.weight", (turn % 8, turn % 6), chance.random())
            newest[0] = turn
            time.sleep(chance.choice([0, 0, 0.0005, 0.003, 0.01]))
        last = heard.wait(exact_of(200))
    assert not late
    seen = [len(each.edits) for each in heard.all]
    assert seen == sorted(seen)
    assert last.loss == desk.outcome.loss


def test_turns_of_several_threads_end_with_the_newest(desk: Desk) -> None:
    heard = Heard()
    with desk:
        desk.listen(heard)
        threads = [
            threading.Thread(
                target=lambda row=row: [desk.set("0.weight", (row, i % 6), 0.5) for i in range(20)]
            )
            for row in range(4)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert len(desk.mix) == 80
        assert heard.wait(exact_of(80)).loss == desk.outcome.loss


def test_a_callback_may_turn_and_stop(desk: Desk) -> None:
    done = threading.Event()

    def callback(found: Shown | Outcome) -> None:
        if isinstance(found, Outcome) and found.exact:
            if len(desk.mix) < 5:
                desk.mute("0", len(desk.mix))
            else:
                desk.close()
                done.set()

    desk.listen(callback)
    assert done.wait(20)
    deadline = time.monotonic() + 10
    while desk_threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(desk.mix) == 5


def test_what_goes_wrong_is_said_at_the_end_in_one_line(desk: Desk) -> None:
    heard = Heard()

    def callback(found: Shown | Outcome) -> None:
        if len(found.edits) == 1:
            raise KeyError("no such\nplace")
        heard(found)

    desk.listen(callback)
    desk.mute("0", 1)
    deadline = time.monotonic() + 10
    background = desk._background
    while background is not None and background._error is None and time.monotonic() < deadline:
        time.sleep(0.005)
    desk.mute("0", 2)
    heard.wait(exact_of(2))  # later turns are recomputed all the same
    with pytest.raises(ListenError, match="KeyError") as caught:
        desk.close()
    assert "\n" not in str(caught.value)
    desk.close()


def test_an_error_in_the_block_is_not_hidden(desk: Desk) -> None:
    def callback(found: Shown | Outcome) -> None:
        raise ValueError("late")

    def block() -> None:
        with desk:
            desk.listen(callback)
            time.sleep(0.05)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()


def test_a_desk_that_is_forgotten_takes_its_thread_along(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    forgotten = Desk(*classifier(1))
    forgotten.listen(heard)
    heard.wait(exact_of(0))
    del forgotten
    deadline = time.monotonic() + 10
    while desk_threads() and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    assert not desk_threads()


def test_listening_again_takes_the_place_of_the_callback_before(desk: Desk) -> None:
    one, two = Heard(), Heard()
    with desk:
        desk.listen(one)
        one.wait(exact_of(0))
        desk.listen(two)
        assert len(desk_threads()) == 1
        desk.mute("0", 1)
        two.wait(exact_of(1))
    assert not [each for each in one.all if each.edits]


def test_bypass_and_undo_are_heard(desk: Desk) -> None:
    heard = Heard()
    with desk:
        desk.mute("0", 1)
        desk.listen(heard)
        turned = heard.wait(exact_of(1)).loss
        desk.bypass()
        assert heard.wait(exact_of(0)).loss != turned
        heard.all.clear()
        desk.bypass()
        assert heard.wait(exact_of(1)).loss == turned
