"""Serve a run: find a port, print the link, open the browser."""

from __future__ import annotations

import gc
import socket
import webbrowser
from collections.abc import Callable
from types import FrameType
from typing import Final

import uvicorn

from weightdesk.errors import OptionError
from weightdesk.server.app import make_app
from weightdesk.server.aside import Aside
from weightdesk.server.page import page_file
from weightdesk.server.security import Guard, new_token
from weightdesk.server.session import Session

LOOPBACK: Final = "127.0.0.1"
_NAMES: Final = ("127.0.0.1", "localhost", "::1")


def serve(
    session: Session,
    *,
    aside: Aside | None = None,
    host: str = LOOPBACK,
    port: int = 0,
    browse: bool = True,
    token: str | None = None,
    at: str = "",
    tell: Callable[[str], None] = print,
) -> None:
    """Serve the desk of a run until Ctrl-C.

    Arguments:
        session: the run.
        aside: answers what takes long, and is closed at the end; None: the session does.
        host: address to listen on.
        port: 0 for a free one.
        browse: whether to open the browser.
        token: of the link; a new one where left out.
        at: what the page shows first, as its address says it, such as `page=layers`.
        tell: is given the lines for the person who waits.

    Raises:
        OptionError: the port is taken, or the page was not built.
    """
    page_file("index.html")
    listening = _bound(host, port)
    port, token = listening.getsockname()[1], token or new_token()
    is_local = host in _NAMES
    guard = Guard(make_app(session, aside), token, _NAMES if is_local else (), port)
    link = f"http://{LOOPBACK if is_local else host}:{port}/?token={token}{at and f'#{at}'}"
    if not is_local:
        tell(f"listening on {host}: whoever reaches this machine and has the link sees the run and its data")
    place = session.members.folder if session.members else session.run.path
    tell(f"desk of {place}: {link}\nCtrl-C ends it; nothing in the run changes")
    if browse:
        webbrowser.open(link)
    gc.freeze()  # or it looks through all that was imported while somebody waits for an answer
    config = uvicorn.Config(guard, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=1)
    try:
        _Server(config, aside).run(sockets=[listening])
    finally:
        if aside is not None:
            aside.close()


class _Server(uvicorn.Server):
    """Ends the process aside first, so that the end waits for nothing that is computed there."""

    def __init__(self, config: uvicorn.Config, aside: Aside | None) -> None:
        super().__init__(config)
        self._aside = aside

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On Ctrl-C, or where somebody ends the server otherwise."""
        if self._aside is not None:
            self._aside.close()
        super().handle_exit(sig, frame)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named asyncio sends each answer at once; without, it lets them wait for more.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen()  # from here on a browser that is early waits
    except OSError as error:
        found.close()
        raise OptionError(
            f"cannot listen on {host}:{port}: {error.strerror}; leave --port out for a free one"
        ) from None
    return found
