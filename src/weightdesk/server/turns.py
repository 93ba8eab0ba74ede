"""Turns of those who ask: one page after the other, so that none waits for all that another one asked."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

from weightdesk.errors import WeightdeskError

Left: TypeAlias = Callable[[], Awaitable[bool]]
"""Whether whoever asked has left."""

MOST_WAITING: Final = 64
"""Questions of a page that wait, at most. A browser has at most 6 on their way at once to one server."""

_LOOK: Final = 0.05  # seconds between two looks whether anybody still waits; much shorter than an answer


class BusyError(WeightdeskError):
    """A page asks more than can wait."""


class Turns:
    """Gives turns to questions: to pages in turn, and of each page in the order in which it asked.

    Belongs to one event loop at a time.

    Arguments:
        at_once: turns that are taken at the same time.
        of_a_page: how many of these one page may take.

    >>> async def stays() -> bool:
    ...     return False
    >>> async def ask(turns: Turns) -> bool:
    ...     async with turns.turn("a page", stays) as has_turn:
    ...         return has_turn
    >>> asyncio.run(ask(Turns(at_once=1)))
    True
    """

    def __init__(self, at_once: int, of_a_page: int | None = None) -> None:
        self._at_once = at_once
        self._of_a_page = at_once if of_a_page is None else of_a_page
        self._taken: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # the page whose turn is next is first

    @asynccontextmanager
    async def turn(self, page: str, left: Left) -> AsyncIterator[bool]:
        """Wait for a turn and hold it during the block; False if whoever asked has left before it came.

        Arguments:
            page: who asks.
            left: whether whoever asked has left.

        Raises:
            BusyError: too many questions of this page wait already.
        """
        place = self._enter(page)
        try:
            while not place.done():
                await asyncio.wait([place], timeout=_LOOK)
                if not place.done() and await left():
                    break
            yield place.done()
        finally:
            self._leave(page, place)

    def _enter(self, page: str) -> asyncio.Future[None]:
        waiting = self._waiting.setdefault(page, deque())
        if len(waiting) >= MOST_WAITING:
            raise BusyError(
                f"{MOST_WAITING} questions of this page wait for their turn already: ask again when some of "
                "them are answered"
            )
        place = asyncio.get_running_loop().create_future()
        waiting.append(place)
        self._give()
        return place

    def _leave(self, page: str, place: asyncio.Future[None]) -> None:
        if place.done():
            self._taken[page] -= 1
            self._taken += Counter()  # forgets the pages that have none
            self._give()
        else:
            self._waiting[page].remove(place)
            self._forget(page)

    def _give(self) -> None:
        """Give turns as long as there are any, and pages that may take one."""
        while self._taken.total() < self._at_once:
            page = next((page for page in self._waiting if self._taken[page] < self._of_a_page), None)
            if page is None:
                return
            waiting = self._waiting.pop(page)
            waiting.popleft().set_result(None)
            self._taken[page] += 1
            if waiting:
                self._waiting[page] = waiting  # behind the other pages

    def _forget(self, page: str) -> None:
        if not self._waiting[page]:
            del self._waiting[page]
