"""What somebody without the token may take of the server: few connections, short ones, small requests."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

AT_ONCE: Final = 16
"""Connections that are taken in one turn of the event loop; the others wait in the system."""

BACKLOG: Final = 128
"""Connections that wait in the system, at most; whoever comes then tries again after a second."""

MOST_WAITING: Final = 64
"""Connections without a request. More than are taken in the three turns that it takes from the moment a
connection is there to its first bytes being read, so that no flood drives out one that asks at once; with
`AT_ONCE` far below 256, the smallest usual number of files that a process may have open."""

LARGEST_HEAD: Final = 65_536
"""Bytes of a request before its body. Browsers send the cookies of all servers on 127.0.0.1, so that it may
be more than a desk alone needs; servers in general take 8 to 64 kB."""

MOST_HEADERS: Final = 200  # browsers send about 20
HEAD_SECONDS: Final = 10.0  # from the first byte to the end of the headers; a browser sends them at once
_PIPELINED: Final = 8  # requests that a connection sends without waiting for answers; browsers send 1
_TOO_LARGE: Final = b"the headers are too large: remove the cookies of this address from the browser"
_ACCEPTING: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Lobby:
    """Connections that have not asked anything yet. When there are too many, the oldest ones are ended."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self._waiting: dict[asyncio.Transport, None] = {}  # in the order in which they came

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, connection: asyncio.Transport) -> None:
        """Remember a new one."""
        self._waiting[connection] = None
        if len(self._waiting) > self._most:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.abort()

    def leave(self, connection: asyncio.Transport) -> None:
        """Forget one that has asked, or has gone."""
        self._waiting.pop(connection, None)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP connection with bounds on all that comes before the token is looked at.

    Whoever has no token is answered with `connection: close` (`security.Guard`), so that connections which
    have asked, and are still there, belong to somebody who has it.
    """

    def __init__(self, lobby: Lobby, **given: Any) -> None:
        super().__init__(**given)
        self._lobby = lobby
        self._head = 0  # bytes of the path and the headers that are complete
        self._unparsed = 0  # bytes since the last end of a head, part of a body or end of a request
        self._in_head = True
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection is there: its first request has to come."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._lobby.enter(self.transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._lobby.leave(self.transport)
        self._expect_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, as long as the request does not get too large before its body."""
        self._unparsed += len(data)
        if self._in_head and self._deadline is None:
            self._expect_head()
        super().data_received(data)  # calls the methods below
        if self._unparsed > LARGEST_HEAD:
            self._refuse_size()

    def on_message_begin(self) -> None:
        """Begin with a request."""
        self._head = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the path and the query."""
        self._take(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, also one that comes behind a body in chunks."""
        self._take(name + value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Let the server answer."""
        self._unparsed, self._in_head = 0, False
        self._expect_nothing()
        self._lobby.leave(self.transport)
        super().on_headers_complete()
        if len(self.pipeline) > _PIPELINED:
            raise ValueError("too many requests at once")  # as in `_take`

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, whose size others look at."""
        self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for the next request."""
        self._unparsed, self._in_head = 0, True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, unless that was done."""
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def _take(self, more: bytes) -> None:
        self._head += len(more)
        if self._head > LARGEST_HEAD or len(self.headers) >= MOST_HEADERS:
            self._refuse_size()
            raise ValueError("the headers are too large")  # ends the parsing; uvicorn catches it

    def _expect_head(self) -> None:
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse_size(self) -> None:
        if self.transport.is_closing():
            return
        head = f"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: {len(_TOO_LARGE)}\r\n"
        head += "content-type: text/plain; charset=utf-8\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode() + _TOO_LARGE)
        self.transport.close()


def tell_once(tell: Callable[[str], None]) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """What an event loop does with errors that nobody handles, if it says only once that it takes no more.

    asyncio itself says it with a traceback for every connection that waits, once a second and more.
    """
    told: set[int | None] = set()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in _ACCEPTING:
            loop.default_exception_handler(context)
        elif error.errno not in told:
            told.add(error.errno)
            tell(f"no more connections for now: {error.strerror}; pages that are open go on")

    return handle
