from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weightdesk.server.turns import MOST_WAITING, BusyError, Turns


async def stays() -> bool:
    return False


async def settle() -> None:
    """Let everybody go on who can."""
    for _ in range(10):
        await asyncio.sleep(0)


class Desk:
    """Questions that are answered when the test says so."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.begun: list[str] = []
        self.open: dict[str, asyncio.Event] = {}

    async def ask(self, page: str, number: int = 0) -> bool:
        async with self.turns.turn(page, stays) as has_turn:
            name = f"{page}{number}"
            self.begun.append(name)
            self.open[name] = asyncio.Event()
            try:
                await self.open[name].wait()
            finally:
                del self.open[name]
            return has_turn

    async def answer_all(self) -> None:
        """Answer one question after the other, the one that has waited longest first."""
        while self.open:
            next(iter(self.open.values())).set()
            await settle()


def test_pages_take_turns_and_each_in_its_own_order() -> None:
    async def run() -> list[str]:
        desk = Desk(Turns(1))
        asked = [("a", 0), ("a", 1), ("a", 2), ("a", 3), ("b", 0), ("b", 1), ("c", 0)]
        tasks = [asyncio.ensure_future(desk.ask(*each)) for each in asked]
        await settle()
        await desk.answer_all()
        assert all(await asyncio.gather(*tasks))
        return desk.begun

    assert asyncio.run(run()) == ["a0", "a1", "b0", "c0", "a2", "b1", "a3"]


def test_a_page_leaves_turns_for_others() -> None:
    async def run() -> list[str]:
        desk = Desk(Turns(4, of_a_page=3))
        tasks = [asyncio.ensure_future(desk.ask("a", number)) for number in range(9)]
        await settle()
        tasks.append(asyncio.ensure_future(desk.ask("b")))
        await settle()
        begun = list(desk.begun)  # before anything was answered
        await desk.answer_all()
        await asyncio.gather(*tasks)
        return begun

    assert asyncio.run(run()) == ["a0", "a1", "a2", "b0"]


def test_who_has_left_gets_no_turn_and_blocks_nobody() -> None:
    async def leaves() -> bool:
        return True

    async def run() -> list[str]:
        desk = Desk(Turns(1))
        first = asyncio.ensure_future(desk.ask("a", 0))
        await settle()
        async with desk.turns.turn("a", leaves) as has_turn:
            assert not has_turn
        last = asyncio.ensure_future(desk.ask("b", 0))
        await settle()
        await desk.answer_all()
        await asyncio.gather(first, last)
        return desk.begun

    assert asyncio.run(run()) == ["a0", "b0"]


def test_what_a_page_may_leave_waiting_is_bounded() -> None:
    async def run() -> None:
        desk = Desk(Turns(1))
        tasks = [asyncio.ensure_future(desk.ask("a", number)) for number in range(MOST_WAITING + 1)]
        await settle()
        with pytest.raises(BusyError, match="questions of this page wait"):
            await desk.ask("a", MOST_WAITING + 1)
        tasks.append(asyncio.ensure_future(desk.ask("b")))  # another page may
        await settle()
        await desk.answer_all()
        await asyncio.gather(*tasks)
        assert desk.begun.index("b0") == 2
        last = asyncio.ensure_future(desk.ask("a", 99))  # there is room again
        await settle()
        await desk.answer_all()
        assert await last

    asyncio.run(run())


def test_an_error_or_an_end_gives_the_turn_back() -> None:
    async def run() -> None:
        turns = Turns(1)
        with pytest.raises(ZeroDivisionError):
            async with turns.turn("a", stays):
                raise ZeroDivisionError
        desk = Desk(turns)
        running = asyncio.ensure_future(desk.ask("a"))
        waiting = asyncio.ensure_future(desk.ask("b"))
        await settle()
        waiting.cancel()
        running.cancel()
        await asyncio.gather(running, waiting, return_exceptions=True)
        async with turns.turn("c", stays) as has_turn:
            assert has_turn

    asyncio.run(run())


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["ask", "answer", "leave"])), max_size=60),
)
def test_whatever_happens_bounds_hold_and_everybody_is_answered(
    at_once: int, of_a_page: int, events: list[tuple[str, str]]
) -> None:
    async def run() -> None:
        desk, tasks = Desk(Turns(at_once, of_a_page)), list[tuple[str, asyncio.Task[bool]]]()
        for number, (page, event) in enumerate(events):
            if event == "ask":
                tasks.append((page, asyncio.ensure_future(desk.ask(page, number))))
            elif event == "leave":
                for task in [task for other, task in tasks if other == page and not task.done()][:1]:
                    task.cancel()
            elif desk.open:
                next(iter(desk.open.values())).set()
            await settle()
            running = Counter(name[0] for name in desk.open)
            assert running.total() <= at_once
            assert max(running.values(), default=0) <= of_a_page
            # no page waits while there is a turn that it may take
            assert running.total() == at_once or all(
                running[page] == of_a_page for page in desk.turns._waiting
            )
        await desk.answer_all()
        done = await asyncio.gather(*(task for _, task in tasks), return_exceptions=True)
        assert all(each is True or isinstance(each, asyncio.CancelledError) for each in done)
        assert not desk.turns._waiting
        assert not desk.turns._taken

    asyncio.run(run())
