"""A process of its own for questions that take long, so that nobody waits for them with a hand on a knob."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from threading import RLock, Thread
from typing import Final

from weightdesk.errors import OptionError, WeightdeskError
from weightdesk.server.asking import answered, line, read
from weightdesk.server.gauge import CalledOffError, Gauge
from weightdesk.server.opening import open_place
from weightdesk.server.session import Session
from weightdesk.server.turns import Left, Turns

_LOOK: Final = 0.02  # seconds between two looks whether anybody still waits
_NICENESS: Final = 10  # a training on this machine, and the page, come first


class Aside:
    """Answers questions about a run in another process, one after the other, page by page.

    Arguments:
        run: its folder or address.
        network: as for `open_place`.
        gauge: where it tells how far it is; whoever is asked about that has the same.
        data: as for `open_place`.
    """

    def __init__(
        self,
        run: str,
        network: str | None = None,
        gauge: Gauge | None = None,
        data: str | None = None,
    ) -> None:
        self._gauge = gauge or Gauge()
        self._arguments = run, network, self._gauge, data
        self._pool: ProcessPoolExecutor | None = None
        # One at a time is given away: a pool whose process dies forgets all that stands behind
        # a question that was called off.
        self._turns = Turns(at_once=1)
        self._lock = RLock()  # a signal may come while it is held
        self._closed = False

    def warm(self) -> None:
        """Start the process, so that the first question need not wait for it."""
        self._started().submit(os.getpid)

    async def ask(self, kind: str, body: bytes, left: Left, member: str = "", page: str = "") -> bytes | None:
        """The packed answer; None where whoever asked has left.

        Arguments:
            kind: of the question.
            body: its JSON.
            left: whether whoever asked has left.
            member: of a comparison, whose run the question is about.
            page: which page asks; pages take turns.

        Raises:
            BusyError: too many questions of this page wait already.
            WeightdeskError: it cannot be answered.
        """
        async with self._turns.turn(page, left) as has_turn:
            found = await self._asked((kind, body, member), left) if has_turn else None
        if isinstance(found, str):
            raise WeightdeskError(found)
        return found

    async def _asked(self, question: tuple[str, bytes, str], left: Left) -> bytes | str | None:
        pool = self._started()
        try:
            answer = asyncio.get_running_loop().run_in_executor(pool, _answer, *question)
            while not (await asyncio.wait([answer], timeout=_LOOK))[0]:
                if await left():
                    self._gauge.call_off()
            return await answer
        except BrokenProcessPool:
            self._gauge.rest()
            self._drop(pool)
            raise OptionError(
                f"{question[0]}: the process that computes it has ended, perhaps for want of memory; "
                "ask again"
            ) from None

    def close(self) -> None:
        """End the process, whatever it is doing; nothing is answered from now on."""
        self._closed = True
        if self._pool is not None:
            self._drop(self._pool)

    def _started(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._closed:
                raise OptionError("the server is ending")
            if self._pool is None:
                context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
                self._pool = ProcessPoolExecutor(1, context, _begin, self._arguments)
            return self._pool

    def _drop(self, pool: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None
        for process in list((pool._processes or {}).values()):
            process.terminate()
        pool.shutdown(cancel_futures=True)


_session: Session | None = None


def _begin(run: str, network: str | None, gauge: Gauge, data: str | None = None) -> None:
    """In the other process: get ready, and end with the one that started it."""
    global _session
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this one
    Thread(target=_follow, daemon=True).start()
    if hasattr(os, "nice"):  # not on Windows
        os.nice(_NICENESS)
    torch.set_num_threads(max(1, torch.get_num_threads() // 2))
    _session = open_place(run, network, data)
    _session.gauge = gauge


def _follow() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)


def _answer(kind: str, body: bytes, member: str = "") -> bytes | str | None:
    """The packed answer, or what went wrong in one line; None where it was called off."""
    assert _session is not None
    _session.gauge.rest()
    try:
        return answered(read(kind, body), _session.of_member(member))
    except CalledOffError:
        return None
    except (WeightdeskError, OSError) as error:
        return line(error)
