"""Serve a run: find a port, print the link, open the browser."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from types import FrameType
from typing import Any

import uvicorn

from weightdesk.server.address import LOOPBACK, Address, listen
from weightdesk.server.app import make_app
from weightdesk.server.aside import Aside
from weightdesk.server.browser import PrivateLink
from weightdesk.server.connections import AT_ONCE, BACKLOG, BoundedProtocol, Lobby, tell_once
from weightdesk.server.keys import Keys, new_token
from weightdesk.server.page import page_file
from weightdesk.server.security import Guard
from weightdesk.server.session import Session

Tell = Callable[[str], None]


def serve(
    session: Session,
    *,
    aside: Aside | None = None,
    host: str = LOOPBACK,
    port: int = 0,
    browse: bool = True,
    token: str | None = None,
    at: str = "",
    tell: Tell = print,
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
        OptionError: there is no such address, the port is taken, or the page was not built.
    """
    page_file("index.html")
    listening, address = listen(host, port)
    token = token or new_token()
    keys, hash_ = Keys(token, address.port), at and f"#{at}"
    with listening, ExitStack() as ending:
        if aside is not None:
            ending.callback(aside.close)
        _announce(session, address, f"/?token={token}{hash_}", tell)
        if browse:
            _browse(keys, lambda ticket: f"{address.origin}/?token={ticket}{hash_}", ending, tell)
        gc.freeze()  # or it looks through all that was imported while somebody waits for an answer
        make_server(session, aside, keys, address, tell, ending).run(sockets=[listening])


def make_server(
    session: Session,
    aside: Aside | None,
    keys: Keys,
    address: Address,
    tell: Tell = print,
    ending: ExitStack | None = None,
) -> uvicorn.Server:
    """The server of a run, with its guard before it and bounds on who may connect.

    Arguments:
        session: the run.
        aside: answers what takes long; None: the session does.
        keys: what opens it.
        address: where it listens.
        tell: is given a line when no more connections can be taken.
        ending: closed as soon as the server is to end, before it waits for what it still computes.
    """
    guard = Guard(make_app(session, aside), keys, address.names)
    protocol: Any = partial(BoundedProtocol, Lobby())
    config = uvicorn.Config(
        guard,
        http=protocol,
        loop="asyncio",
        ws="websockets-sansio",
        ws_max_size=65_536,  # bytes; what the page says there is of no interest
        backlog=AT_ONCE,  # asyncio means by it both how many may wait and how many it takes at once
        log_level="error",  # warnings are of what strangers send, and they could fill the terminal
        timeout_graceful_shutdown=1,
    )
    return _Server(config, tell, ending or ExitStack())


class _Server(uvicorn.Server):
    """Ends what runs beside it first, so that the end waits for nothing that is computed there."""

    def __init__(self, config: uvicorn.Config, tell: Tell, ending: ExitStack) -> None:
        super().__init__(config)
        self._tell, self._ending = tell, ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections."""
        asyncio.get_running_loop().set_exception_handler(tell_once(self._tell))
        await super().startup(sockets)
        for each in sockets or ():
            each.listen(BACKLOG)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On Ctrl-C, or where somebody ends the server otherwise."""
        self._ending.close()
        super().handle_exit(sig, frame)


def _announce(session: Session, address: Address, path: str, tell: Tell) -> None:
    if not address.is_local:
        tell(
            f"listening on {address.host}: whoever reaches this machine and has the link sees the run and "
            "its data"
        )
    place = session.members.folder if session.members else session.run.path
    line = f"desk of {place}: {address.origin}{path}"
    if address.is_any:
        named = address.origin_at(socket.gethostname())
        line += f"\nfrom elsewhere, by the name of this machine: {named}{path}"
    tell(f"{line}\nCtrl-C ends it; nothing in the run changes")


def _browse(keys: Keys, link_of: Callable[[str], str], ending: ExitStack, tell: Tell) -> None:
    """Open the browser at the link of a ticket, which is worth nothing once the browser has been there."""
    try:
        private = PrivateLink()
        ending.callback(private.remove)
        private.open(link_of(keys.new_ticket(used=private.remove)))
    except (OSError, RuntimeError) as error:  # the disk is full, or the user has no home folder
        tell(f"the browser is not opened ({error}): follow the link")
