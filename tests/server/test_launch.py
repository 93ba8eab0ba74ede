from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from weightdesk.errors import OptionError
from weightdesk.runs import Run
from weightdesk.server import launch, page
from weightdesk.server.launch import LOOPBACK, serve
from weightdesk.server.session import Session

COMMAND = [sys.executable, "-c", "from weightdesk.cli import main; raise SystemExit(main())", "open"]
LINK = re.compile(r"http://([\w.]+):(\d+)/\?token=([\w-]+)")


@contextmanager
def opened(run: Run, *options: str) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """`weightdesk open` in a process of its own; its port and token once it has printed its link."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "error"}
    command = [*COMMAND, run.path, "--no-browser", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            link = next((found for line in process.stdout if (found := LINK.search(line))), None)
            assert link, process.stderr.read() if process.stderr else ""
            yield process, int(link[2]), link[3]
        finally:
            process.kill()


class Asking:
    """One connection, kept open."""

    def __init__(self, connection: http.client.HTTPConnection, cookie: str) -> None:
        self._connection, self._cookie = connection, cookie

    def __call__(self, kind: str, **question: Any) -> int:
        self._connection.request("POST", f"/ask/{kind}", json.dumps(question), {"cookie": self._cookie})
        answer = self._connection.getresponse()
        answer.read()
        return answer.status


@contextmanager
def asking(port: int, token: str) -> Iterator[Asking]:
    with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=60)) as connection:
        yield Asking(connection, f"weightdesk-{port}={token}")


def turn_and_listen(run: Run, count: int) -> None:
    with opened(run) as (process, port, token), asking(port, token) as ask:
        for number in range(count):
            turns = [f"hidden1.weight[{number % 16},{number % 64}]={number / count}"]
            assert ask("heard", step=number // 50 % 6, turns=turns, example=number % 50, patience=0) == 200
        assert process.poll() is None


def test_the_link_is_printed_and_ctrl_c_ends_it(digits_run: Run) -> None:
    with opened(digits_run) as (process, port, token):
        with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=60)) as connection:
            connection.request("GET", f"/?token={token}")
            answer = connection.getresponse()
            assert answer.status == 200
            assert b"weightdesk" in answer.read()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "Traceback" not in out + err
        assert err == ""


def test_it_ends_while_a_page_is_connected(digits_run: Run) -> None:
    from websockets.sync.client import connect

    with opened(digits_run) as (process, port, token):
        cookie = {"Cookie": f"weightdesk-{port}={token}"}
        with connect(f"ws://{LOOPBACK}:{port}/live", additional_headers=cookie) as page:
            page.recv(timeout=20)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert err == ""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_although_something_long_is_computed(digits_run: Run, sent: signal.Signals) -> None:
    with opened(digits_run) as (process, port, token), ThreadPoolExecutor(1) as pool:
        with asking(port, token) as ask:
            assert ask("scores", step=6) == 200  # the process for it has started
            long = pool.submit(ask, "importance", parameter="hidden1.weight", step=6)
            sleep(0.2)
            process.send_signal(sent)
            _, err = process.communicate(timeout=20)
            assert long.result() in (200, 409)
        assert err == ""


def test_a_taken_port_is_refused_with_one_line(digits_run: Run) -> None:
    with closing(socket.create_server((LOOPBACK, 0))) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*COMMAND, digits_run.path, "--no-browser", "--port", port],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(rf"error: cannot listen on 127.0.0.1:{port}: [^\n]*--port[^\n]*\n", done.stderr)


def test_a_port_can_be_chosen(digits_run: Run) -> None:
    with closing(socket.create_server((LOOPBACK, 0))) as free:
        port = free.getsockname()[1]
    with opened(digits_run, "--port", str(port)) as (_, chosen, token), asking(chosen, token) as ask:
        assert chosen == port
        assert ask("overview") == 200


def test_many_quick_turns_are_all_answered(digits_run: Run) -> None:
    turn_and_listen(digits_run, 300)


@pytest.mark.heavy
@pytest.mark.timeout(1800)
def test_ten_thousand_quick_turns_are_all_answered(digits_run: Run) -> None:
    turn_and_listen(digits_run, 10_000)


@pytest.fixture
def browsed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Links with which a browser was opened, where nothing is served."""
    links: list[str] = []

    def run(_server: Any, sockets: list[socket.socket]) -> None:
        for each in sockets:
            each.close()

    monkeypatch.setattr(launch.uvicorn.Server, "run", run)
    monkeypatch.setattr(launch.webbrowser, "open", links.append)
    return links


def test_the_browser_is_opened_with_the_link(digits_session: Session, browsed: list[str]) -> None:
    told: list[str] = []
    serve(digits_session, tell=told.append)
    (link,) = browsed
    assert LINK.fullmatch(link)
    assert link in told[0]


def test_others_are_let_in_only_with_a_word_about_it(digits_session: Session, browsed: list[str]) -> None:
    told: list[str] = []
    serve(digits_session, host="0.0.0.0", browse=False, token="known", tell=told.append)
    assert browsed == []
    assert told[0].startswith("listening on 0.0.0.0: whoever")
    assert told[1].startswith("desk of ")


def test_a_page_that_is_not_built_is_named(
    digits_session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "STATIC", tmp_path)
    with pytest.raises(OptionError, match="make web"):
        serve(digits_session, browse=False)
