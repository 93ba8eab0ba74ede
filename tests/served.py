"""The desk's server in a thread, asked as a browser asks it."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from websockets.sync.client import ClientConnection, connect

from weightdesk.server.address import LOOPBACK, listen
from weightdesk.server.aside import Aside
from weightdesk.server.keys import Keys
from weightdesk.server.launch import make_server
from weightdesk.server.session import Session
from weightdesk.server.wire import unpack

TOKEN = "a-token-that-only-the-tests-know"


def cookie_of(token: str, port: int) -> str:
    """What a browser that has followed the link sends, to any path."""
    return "; ".join(each.split(";")[0] for each in Keys(token, port).cookies())


@dataclass(frozen=True)
class Answered:
    """What the server gave back."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: tuple[str, ...] = ()

    @property
    def message(self) -> Any:
        """The answer to a question."""
        assert self.status == 200, self.body
        return unpack(self.body)

    @property
    def line(self) -> str:
        """The one line with which a question was refused."""
        assert self.headers["content-type"] == "application/json", self.body
        (line,) = json.loads(self.body).values()
        assert "\n" not in line
        return str(line)


@dataclass
class Served:
    """A server that can be stopped and started again at the same address."""

    session: Session
    port: int = 0
    token: str = TOKEN
    aside: Aside | None = None
    _server: uvicorn.Server | None = field(default=None, repr=False)
    _thread: threading.Thread | None = field(default=None, repr=False)

    @property
    def origin(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def link(self) -> str:
        """What `weightdesk open` prints."""
        return f"{self.origin}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """What a browser sends after it has followed the link."""
        return cookie_of(self.token, self.port)

    def start(self) -> None:
        listening, address = listen(LOOPBACK, self.port)
        self.port = address.port
        self._server = make_server(self.session, self.aside, Keys(self.token, self.port), address)
        self._thread = threading.Thread(target=self._server.run, args=([listening],), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive(), "the server does not end"
        self._server = self._thread = None

    def request(self, method: str, path: str, body: Any = None, **headers: str | None) -> Answered:
        """One request, exactly as written: with the cookie, where the headers say nothing else.

        Names of headers are written with _ for -; None leaves one out.
        """
        given = {"cookie": self.cookie, **headers}
        sent = {name.replace("_", "-"): value for name, value in given.items() if value is not None}
        with closing(http.client.HTTPConnection(LOOPBACK, self.port, timeout=60)) as connection:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            cookies = tuple(answer.headers.get_all("set-cookie") or ())
            return Answered(answer.status, told, answer.read(), cookies)

    def ask(self, kind: str, **question: Any) -> Answered:
        """A question of the page."""
        return self.request("POST", f"/ask/{kind}", json.dumps(question))

    @contextmanager
    def live(self, *, origin: str | None = None, cookie: str | None = None) -> Iterator[ClientConnection]:
        """The page's connection on which it is told that the run has grown."""
        headers = {"Cookie": self.cookie if cookie is None else cookie}
        address = f"ws://{LOOPBACK}:{self.port}/live"
        with connect(address, origin=origin, additional_headers=headers, open_timeout=20) as socket:  # type: ignore[arg-type]
            yield socket


@contextmanager
def served(session: Session, aside: Aside | None = None) -> Iterator[Served]:
    """Serve a session for as long as the block lasts."""
    server = Served(session, aside=aside)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        if aside is not None:
            aside.close()
