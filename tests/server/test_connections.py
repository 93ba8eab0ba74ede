"""What somebody without the token may take: raw sockets, as a flood would use them."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import chain, repeat
from typing import Any

import pytest
from served import TOKEN, Served, served

from weightdesk.server import connections
from weightdesk.server.address import LOOPBACK
from weightdesk.server.connections import LARGEST_HEAD, MOST_HEADERS, MOST_WAITING, tell_once
from weightdesk.server.session import Session

START = b"GET /?token=%s HTTP/1.1\r\nHost: 127.0.0.1\r\n" % TOKEN.encode()


@contextmanager
def connected(server: Served) -> Iterator[socket.socket]:
    with closing(socket.create_connection((LOOPBACK, server.port), timeout=30)) as connection:
        yield connection


def answer(connection: socket.socket) -> bytes:
    """All that comes until the server closes; empty where it just does."""
    parts = []
    try:
        while part := connection.recv(65_536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def status(server: Served, sent: bytes) -> int:
    """The status of the answer to a request as bytes; 0 for none."""
    with connected(server) as connection:
        connection.sendall(sent)
        first = answer(connection).split(b"\r\n", 1)[0]
    return int(first.split()[1]) if first else 0


def keep_sending(connection: socket.socket, parts: Iterable[bytes], pause: float) -> None:
    for part in parts:
        connection.sendall(part)
        time.sleep(pause)


def headers(size: int, count: int) -> bytes:
    """So many headers of so many bytes together, names, colons and line ends not counted."""
    each = size // count
    values = [each + (size - each * count if number == 0 else 0) for number in range(count)]
    return b"".join(b"h%06d: %s\r\n" % (number, b"x" * (value - 7)) for number, value in enumerate(values))


@pytest.mark.parametrize("count", [1, 10, MOST_HEADERS - 2])
def test_headers_below_the_bound_are_read_and_above_it_refused(server: Served, count: int) -> None:
    # the path, "Host" and its value count as well
    room = LARGEST_HEAD - len(f"/?token={TOKEN}Host127.0.0.1Connectionclose")
    end = b"Connection: close\r\n\r\n"
    assert status(server, START + headers(room, count) + end) == 200
    assert status(server, START + headers(room + 1, count) + end) == 431


def test_many_small_headers_are_refused(server: Served) -> None:
    assert status(server, START + b"a: b\r\n" * (MOST_HEADERS - 2) + b"Connection: close\r\n\r\n") == 200
    assert status(server, START + b"a: b\r\n" * (MOST_HEADERS + 1) + b"\r\n") == 431


@pytest.mark.parametrize(
    "start",
    [
        b"GET /" + b"x" * 100,
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nlong: ",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nn",
        START + b"Transfer-Encoding: chunked\r\n\r\n1;extension=",
        START + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\ntrailer: ",
    ],
    ids=["path", "value", "name", "extension of a chunk", "trailer"],
)
def test_what_never_ends_is_refused(server: Served, start: bytes) -> None:
    endless = chain([start], repeat(b"y" * 4096, 100 * LARGEST_HEAD // 4096))
    with connected(server) as connection, pytest.raises(ConnectionError):
        keep_sending(connection, endless, 0.001)
    assert server.ask("growth").status == 200


def test_requests_that_wait_for_no_answer_are_bounded(server: Served) -> None:
    with connected(server) as connection:
        connection.sendall(
            b"GET /static/desk.css?token=%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % TOKEN.encode() * 2000
        )
        assert answer(connection).count(b"HTTP/1.1 200") <= 16


def test_a_body_may_be_larger_than_headers(server: Served) -> None:
    padding = "x" * (3 * LARGEST_HEAD)
    refused = server.ask("weights", parameter=padding, step=0)
    assert refused.status == 409  # it was read: there is no parameter of this name


def test_without_a_request_a_connection_is_ended(
    digits_session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.5)
    with served(digits_session) as server, ExitStack() as stack:
        silent, slow = (stack.enter_context(connected(server)) for _ in range(2))
        again = stack.enter_context(connected(server))
        again.sendall(START + b"Connection: keep-alive\r\n\r\n")
        while b"</html>" not in again.recv(65_536):
            pass
        again.sendall(b"GET")  # another request begins, and does not end
        began = time.monotonic()
        with pytest.raises(ConnectionError):  # a byte now and then is no life
            keep_sending(slow, (bytes([letter]) for letter in START * 100), 0.05)
        assert answer(silent) == answer(again) == b""
        assert time.monotonic() - began < 10
        assert server.ask("growth").status == 200


def test_idle_connections_give_way_to_those_who_ask(server: Served) -> None:
    with ExitStack() as stack, server.live() as page:
        idle = [stack.enter_context(connected(server)) for _ in range(3 * MOST_WAITING)]
        assert server.ask("growth").status == 200
        ended = 0
        for connection in idle:
            connection.settimeout(0.01)
            try:
                ended += connection.recv(1) == b""
            except ConnectionError:
                ended += 1
            except TimeoutError:
                pass
        # one more may have gone for the question
        assert 2 * MOST_WAITING <= ended <= 2 * MOST_WAITING + 1
        page.ping().wait(10)  # a page that shows a run stays


def test_whoever_has_no_token_is_not_kept(server: Served) -> None:
    with connected(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n\r\n")
        told = answer(connection)  # to its end
    assert told.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close" in told


def test_that_no_more_connections_are_taken_is_said_once(capfd: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    handle, other = tell_once(told.append), list[Any]()

    class Loop(asyncio.SelectorEventLoop):
        def default_exception_handler(self, context: dict[str, Any]) -> None:
            other.append(context)

    with closing(Loop()) as loop:
        loop.set_exception_handler(handle)
        for _ in range(100):
            loop.call_exception_handler({"message": "m", "exception": OSError(errno.EMFILE, "too many")})
        strange = {"message": "m", "exception": ValueError()}
        loop.call_exception_handler(strange)
    assert told == ["no more connections for now: too many; pages that are open go on"]
    assert other == [strange]
    assert capfd.readouterr().err == ""
