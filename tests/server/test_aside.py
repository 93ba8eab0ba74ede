from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from weightdesk.errors import OptionError, WeightdeskError
from weightdesk.runs import Run
from weightdesk.server.aside import Aside
from weightdesk.server.asking import answered, read
from weightdesk.server.gauge import Gauge
from weightdesk.server.session import Session

SWEEP = b'{"parameter": "output.weight", "index": [0, 3], "step": 6, "turns": ["mute hidden1[2]"]}'


async def stays() -> bool:
    return False


async def leaves() -> bool:
    return True


@pytest.fixture(scope="module")
def gauge() -> Gauge:
    return Gauge()


@pytest.fixture(scope="module")
def aside(digits_run: Run, gauge: Gauge) -> Iterator[Aside]:
    found = Aside(digits_run.path, gauge=gauge)
    found.warm()
    yield found
    found.close()


def process_of(aside: Aside) -> int:
    assert aside._pool is not None
    return next(iter(aside._pool._processes))


def test_answers_are_those_of_the_session(aside: Aside, digits_session: Session) -> None:
    asked = b'{"step": 6, "turns": ["scale hidden1 1.1"]}'
    found = asyncio.run(aside.ask("scores", asked, stays))
    assert found == answered(read("scores", asked), digits_session)


def test_what_cannot_be_answered_is_told_in_one_line(aside: Aside) -> None:
    with pytest.raises(WeightdeskError, match="did you mean mute"):
        asyncio.run(aside.ask("scores", b'{"step": 6, "turns": ["mut hidden1[2]"]}', stays))


def test_who_has_left_before_the_turn_came_is_not_answered(aside: Aside) -> None:
    async def many() -> list[bytes | None]:
        waiting = (aside.ask("sweep", SWEEP, leaves) for _ in range(40))
        return await asyncio.gather(aside.ask("sweep", SWEEP, stays), *waiting)

    first, *others = asyncio.run(many())
    assert first is not None
    # a few are handed to the process before it has room for them
    assert None in others


def test_who_leaves_while_it_is_computed_calls_it_off(aside: Aside, gauge: Gauge) -> None:
    told: list[str] = []

    async def leaves_when_told() -> bool:
        told.extend(what for what, _share in filter(None, [gauge.read()]))
        return bool(told)

    asked = b'{"name": "formation", "step": 6}'
    assert asyncio.run(aside.ask("reading", asked, leaves_when_told)) is None
    assert told
    assert gauge.read() is None
    # it is not that the process had died: the next is answered, and is not called off
    assert asyncio.run(aside.ask("sweep", SWEEP, stays))


def test_a_process_that_dies_is_told_and_takes_nothing_with_it(aside: Aside) -> None:
    async def killed() -> None:
        asking = asyncio.ensure_future(
            aside.ask("importance", b'{"parameter": "hidden1.weight", "step": 6}', stays)
        )
        await asyncio.sleep(0.05)
        os.kill(process_of(aside), signal.SIGKILL)
        await asking

    aside.warm()
    with pytest.raises(OptionError, match="importance: the process that computes it has ended"):
        asyncio.run(killed())
    assert asyncio.run(aside.ask("sweep", SWEEP, stays))


def test_another_page_does_not_wait_for_all_that_one_asked(aside: Aside) -> None:
    answered: list[str] = []

    async def ask(page: str) -> None:
        assert await aside.ask("sweep", SWEEP, stays, page=page)
        answered.append(page)

    async def both() -> None:
        flood = [asyncio.ensure_future(ask("a")) for _ in range(20)]
        await asyncio.sleep(0)  # all of them stand in line
        await asyncio.gather(ask("b"), *flood)

    asyncio.run(both())
    assert answered.index("b") <= 2  # behind the one that is computed, and one that stood there before
    assert answered.count("a") == 20


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads the table of processes where there is one")
def test_the_process_ends_with_the_one_that_started_it(digits_run: Run) -> None:
    script = """
        import os, signal, sys
        from weightdesk.server.aside import Aside
        if __name__ == "__main__":
            aside = Aside(sys.argv[1])
            print(aside._started().submit(os.getpid).result(), flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        """
    command = [sys.executable, "-c", textwrap.dedent(script), digits_run.path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    place, until = Path("/proc", done.stdout.strip()), time.monotonic() + 30
    while place.exists() and "zombie" not in (place / "status").read_text() and time.monotonic() < until:
        time.sleep(0.05)
    assert not place.exists() or "zombie" in (place / "status").read_text()
