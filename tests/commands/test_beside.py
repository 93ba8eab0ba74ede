from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import pytest
from called import Call

from weightdesk.commands import beside, train
from weightdesk.commands.beside import DeskBeside


class Told:
    """In place of a process: notes what is asked of it."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.waited = 0

    def __call__(self, run: str) -> Told:
        self.opened.append(run)
        return self

    def wait(self) -> None:
        self.waited += 1


def test_a_training_opens_its_desk_once_and_stays_with_it(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    monkeypatch.setattr(train, "DeskBeside", told)
    assert call("train", "xor", "--steps", "3", "--open").code == 0
    assert (told.opened, told.waited) == (["runs/xor"], 1)


def test_without_the_option_no_desk_is_opened(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    monkeypatch.setattr(train, "DeskBeside", told)
    assert call("train", "xor", "--steps", "3").code == 0
    assert told.opened == []


def test_it_is_the_command_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        beside, "_MAIN", "import sys; sys.exit(sys.argv[1:] != ['open', 'a run', '--no-browser'])"
    )
    assert DeskBeside("a run", browser=False).wait() == 0


BESIDE = """
    import os, signal, sys, time
    from weightdesk.commands import beside
    beside._MAIN = "import os, sys; print(os.getpid(), flush=True); {child}"
    desk = beside.DeskBeside("a run", browser=False)
    {parent}
    """
STAYS = "import time; time.sleep(120)"
SERVES = (
    "import asyncio, uvicorn; "
    "uvicorn.Server(uvicorn.Config(lambda *_: None, port=0, log_level='critical', lifespan='off')).run()"
)
DEAF = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(120)"


def parent_of(child: str, parent: str) -> tuple[subprocess.Popen[str], int]:
    """A process with something in place of the desk beside it, and the number of that."""
    script = textwrap.dedent(BESIDE).format(child=child, parent=parent)
    started = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    return started, int(started.stdout.readline())


def is_gone(process: int) -> bool:
    place = Path("/proc", str(process))
    try:
        return "zombie" in (place / "status").read_text()
    except OSError:
        return True


def until(condition: Callable[[], bool], seconds: float) -> None:
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end
        sleep(0.05)


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads the table of processes where there is one")
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
@pytest.mark.parametrize("child", [STAYS, SERVES], ids=["at work", "serving"])
def test_it_ends_with_the_process_that_started_it(child: str, sent: signal.Signals) -> None:
    process, desk = parent_of(child, "time.sleep(120)")
    sleep(0.3)
    assert not is_gone(desk)
    process.send_signal(sent)
    process.communicate(timeout=20)
    until(lambda: is_gone(desk), 8)


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads the table of processes where there is one")
def test_it_ends_although_a_forked_process_lives_on(tmp_path: Path) -> None:
    lasting = (
        f"(pid := os.fork()) or time.sleep(120); open({str(tmp_path / 'forked')!r}, 'w').write(str(pid)); "
    )
    process, desk = parent_of(STAYS, lasting + "time.sleep(120)")
    until(lambda: (tmp_path / "forked").exists() and bool((tmp_path / "forked").read_text()), 20)
    forked = int((tmp_path / "forked").read_text())
    try:
        process.kill()
        process.wait(20)
        until(lambda: is_gone(desk), 8)
        assert not is_gone(forked)
    finally:
        os.kill(forked, signal.SIGKILL)
        process.stdout and process.stdout.close()


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads the table of processes where there is one")
def test_it_ends_although_ctrl_c_is_ignored() -> None:
    process, desk = parent_of(DEAF, "time.sleep(120)")
    process.kill()
    process.communicate(timeout=20)
    until(lambda: is_gone(desk), 20)


def test_it_stays_as_long_as_somebody_waits_for_it() -> None:
    process, _ = parent_of("import time; time.sleep(1.5); sys.exit(7)", "sys.exit(desk.wait())")
    process.communicate(timeout=30)
    assert process.returncode == 7
