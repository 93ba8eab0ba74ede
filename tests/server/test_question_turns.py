"""A page that asks slow questions, or thousands, does not keep another page waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest
from served import Answered, Served, served

from weightdesk.server.questions import QUESTIONS
from weightdesk.server.questions.growth import Growth
from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.turns import MOST_WAITING

STAY = threading.Event()
"""Lets slow questions be answered."""


class SlowQuestion(Question[Growth]):
    """How long does this take?"""

    kind: ClassVar[str] = "slow"
    number: int = 0

    def answer(self, session: Session) -> Growth:
        STAY.wait(60)
        return Growth(status="slow", last_step=self.number, snapshots=0)


@pytest.fixture
def slow(digits_session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A server that knows a slow question."""
    monkeypatch.setitem(QUESTIONS, "slow", SlowQuestion)
    STAY.clear()
    try:
        with served(digits_session) as server:
            yield server
            STAY.set()
    finally:
        STAY.set()


def ask(server: Served, page: str | None, kind: str = "slow") -> Answered:
    return server.request("POST", f"/ask/{kind}", "{}", weightdesk_page=page)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("others", ["one page", "a page without a name", "three pages"])
def test_others_are_answered_while_a_page_asks_without_end(slow: Served, others: str) -> None:
    pages = {"one page": ["a"], "a page without a name": [None], "three pages": ["a", "b", "c"]}[others]
    with ThreadPoolExecutor(100) as pool:
        flood = [pool.submit(ask, slow, pages[number % len(pages)]) for number in range(100)]
        # those that cannot wait are told so at once
        until(lambda: sum(each.done() for each in flood) >= 100 - len(pages) * (MOST_WAITING + 4))
        for refused in [each.result() for each in flood if each.done()]:
            assert refused.status == 429
            assert "questions of this page wait" in refused.line
        for kind in ("growth", "metrics", "overview"):
            assert ask(slow, "another", kind).status == 200
        assert not STAY.is_set()  # nothing slow was answered meanwhile
        STAY.set()
        statuses = [each.result().status for each in flood]
    assert statuses.count(200) == min(100, len(pages) * (MOST_WAITING + 4))
    assert ask(slow, pages[0]).status == 200  # there is room again
