from __future__ import annotations

import errno
import html
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from queue import Queue
from threading import Event
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
import uvicorn
from served import cookie_of

from weightdesk.errors import OptionError
from weightdesk.runs import Run
from weightdesk.server import launch, page
from weightdesk.server.address import LOOPBACK
from weightdesk.server.launch import serve
from weightdesk.server.session import Session

COMMAND = [sys.executable, "-c", "from weightdesk.cli import main; raise SystemExit(main())", "open"]
LINK = re.compile(r"http://([\w.]+|\[[\w:]+\]):(\d+)/\?token=([\w-]+)")


def until(condition: Callable[[], bool]) -> None:
    end = monotonic() + 30
    while not condition():
        assert monotonic() < end
        sleep(0.05)


def readable(file: Path) -> bool:
    """Whether a process is still there."""
    try:
        return bool(file.read_bytes())
    except OSError:
        return False


@contextmanager
def opened(
    run: Run, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """`weightdesk open` in a process of its own; its port and token once it has printed its link."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "error", **(env or {})}
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
        yield Asking(connection, cookie_of(token, port))


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
        cookie = {"Cookie": cookie_of(token, port)}
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


class Browser:
    """In place of a browser: what it was given to open, and what it found there."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.pages: list[str] = []
        self.opened = Event()

    def open(self, address: str) -> bool:
        self.addresses.append(address)
        self.pages.append(Path(url2pathname(urlsplit(address).path)).read_text("utf-8"))
        self.opened.set()
        return True

    @property
    def link(self) -> str:
        """Where the only page leads."""
        assert self.opened.wait(20)
        (page,) = self.pages
        (link,) = {*re.findall(r'(?:href="|url=)(http[^"]*)"', page)}
        return html.unescape(link)


@pytest.fixture
def browsed(monkeypatch: pytest.MonkeyPatch) -> Browser:
    """A browser, where nothing is served before it was opened."""
    browser = Browser()

    def run(_server: Any, sockets: list[socket.socket]) -> None:
        for each in sockets:
            each.close()
        browser.opened.wait(0.2)

    monkeypatch.setattr(launch.uvicorn.Server, "run", run)
    monkeypatch.setattr(webbrowser, "open", browser.open)
    return browser


def test_the_browser_is_led_to_the_desk_by_a_private_file(digits_session: Session, browsed: Browser) -> None:
    told: list[str] = []
    serve(digits_session, token="known", at="page=layers&a=<b>", tell=told.append)
    assert f"{browsed.link.partition('?')[0]}?token=known#page=layers&a=<b>" in told[0]
    assert browsed.link.endswith("#page=layers&a=<b>")
    (address,) = browsed.addresses
    assert address.startswith("file://")
    for seen in (address, browsed.link):
        assert "known" not in seen
    assert not Path(url2pathname(urlsplit(address).path)).parent.exists()


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads the table of processes where there is one")
def test_others_see_no_key_and_the_ticket_opens_once(digits_run: Run, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\ncd {tmp_path}\necho "$1" > new\nmv new address\nsleep 30\n')
    browser.chmod(0o755)
    with opened(digits_run, "--browser", env={"BROWSER": f"{browser} %s"}) as (process, port, token):
        until(lambda: (tmp_path / "address").exists())
        arguments = [each.read_bytes() for each in Path("/proc").glob("[0-9]*/cmdline") if readable(each)]
        assert [each for each in arguments if b"desk.html" in each]
        file = Path(urlsplit((tmp_path / "address").read_text().strip()).path)
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
        ticket = re.findall(r"token=([\w-]+)", file.read_text())[0]
        assert not [each for each in arguments if token.encode() in each or ticket.encode() in each]
        # the command goes on as long as the browser; the server does not wait for it
        with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=60)) as connection:
            connection.request("GET", f"/?token={ticket}")
            assert connection.getresponse().status == 200
        assert not file.parent.exists()
        with closing(http.client.HTTPConnection(LOOPBACK, port, timeout=60)) as connection:
            connection.request("GET", f"/?token={ticket}")
            assert connection.getresponse().status == 401
        assert process.poll() is None


def test_without_a_place_for_the_file_the_link_is_enough(
    digits_session: Session, browsed: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("weightdesk.server.browser.TemporaryDirectory", full)
    told: list[str] = []
    serve(digits_session, tell=told.append)
    assert LINK.search(told[0])
    assert "No space left on device" in told[1]
    assert "follow the link" in told[1]
    assert browsed.addresses == []


@pytest.mark.parametrize(("host", "local"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]")])
def test_others_are_let_in_only_with_a_word_about_it(
    digits_session: Session, browsed: Browser, host: str, local: str
) -> None:
    told: list[str] = []
    serve(digits_session, host=host, browse=False, token="known", tell=told.append)
    assert browsed.addresses == []
    assert told[0].startswith(f"listening on {host}: whoever")
    assert told[1].startswith("desk of ")
    here, elsewhere = (urlsplit(link) for link in re.findall(r"http://\S+", told[1]))
    assert here.netloc == f"{local}:{here.port}"
    assert (elsewhere.hostname, elsewhere.port) == (socket.gethostname().lower(), here.port)
    assert here.query == elsewhere.query == "token=known"


@pytest.mark.parametrize("host", ["::1", "localhost", "0.0.0.0"])
def test_the_printed_link_works_whatever_the_host(digits_session: Session, host: str) -> None:
    told, ended = Queue[str](), list[int]()

    def say(line: str) -> None:
        for link in re.findall(r"http://\S+", line)[:1]:
            told.put(link)

    def visit(server: uvicorn.Server) -> None:
        link = urlsplit(told.get(timeout=20))
        origin = f"http://{link.netloc}"
        with closing(http.client.HTTPConnection(link.hostname or "", link.port, timeout=20)) as connection:
            for path, method in ((f"/?{link.query}", "GET"), (f"/ask/growth?{link.query}", "POST")):
                connection.request(method, path, "{}", {"host": link.netloc, "origin": origin})
                answer = connection.getresponse()
                answer.read()
                ended.append(answer.status)
        server.should_exit = True

    plain = uvicorn.Server.run

    def run(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        with ThreadPoolExecutor(1) as pool:
            visiting = pool.submit(visit, server)
            plain(server, sockets=sockets)
            visiting.result()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch.uvicorn.Server, "run", run)
        serve(digits_session, host=host, browse=False, tell=say)
    assert ended == [200, 200]


def test_a_page_that_is_not_built_is_named(
    digits_session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "STATIC", tmp_path)
    with pytest.raises(OptionError, match="make web"):
        serve(digits_session, browse=False)
