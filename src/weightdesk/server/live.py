"""Tells a page that its run has grown, and that the server is still there."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from weightdesk.errors import WeightdeskError
from weightdesk.runs import Run

_EVERY: Final = 0.5  # seconds between two looks at the run


async def follow(run: Run, socket: WebSocket) -> None:
    """Send `{"status", "last_step", "snapshots"}` whenever one of them has changed, until the page leaves."""
    leaving = asyncio.ensure_future(_left(socket))
    known = None
    try:
        while not leaving.done():
            now = await run_in_threadpool(_look, run)
            if now is not None and now != known:
                known = now
                await socket.send_json(now)
            await asyncio.wait([leaving], timeout=_EVERY)
    except (WebSocketDisconnect, RuntimeError):
        pass  # it left while it was being told
    finally:
        leaving.cancel()


def _look(run: Run) -> dict[str, object] | None:
    try:
        return {"status": run.status, "last_step": run.last_step, "snapshots": len(run.steps)}
    except (WeightdeskError, OSError):
        return None  # being written just now, or gone for the moment: the next look tells


async def _left(socket: WebSocket) -> None:
    """Wait until the page leaves; what it says is of no interest."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
