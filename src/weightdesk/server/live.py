"""Tells a page that its run has grown, and that the server is still there."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from weightdesk.errors import WeightdeskError
from weightdesk.server.questions.growth import Growth, GrowthQuestion
from weightdesk.server.session import Session

_EVERY: Final = 0.5  # seconds between two looks at the run


async def follow(session: Session, socket: WebSocket, member: str = "") -> None:
    """Send a `Growth` as JSON whenever it has changed, until the page leaves.

    Arguments:
        session: the run.
        socket: the page's connection.
        member: of a comparison, whose run is followed.
    """
    leaving = asyncio.ensure_future(_left(socket))
    known = None
    try:
        while not leaving.done():
            now = await run_in_threadpool(_look, session, member)
            if now is not None and now != known:
                known = now
                await socket.send_text(now.model_dump_json())
            await asyncio.wait([leaving], timeout=_EVERY)
    except (WebSocketDisconnect, RuntimeError):
        pass  # it left while it was being told
    finally:
        leaving.cancel()


def _look(session: Session, member: str) -> Growth | None:
    try:
        return GrowthQuestion().answer(session.of_member(member))
    except (WeightdeskError, OSError):
        return None  # being written just now, or gone for the moment: the next look tells


async def _left(socket: WebSocket) -> None:
    """Wait until the page leaves; what it says is of no interest."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
