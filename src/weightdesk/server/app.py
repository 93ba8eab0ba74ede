"""The routes: the page, its questions, and word that the run has grown."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import FileResponse, JSONResponse
from starlette.concurrency import run_in_threadpool

from weightdesk.errors import OptionError, WeightdeskError
from weightdesk.server.aside import Aside
from weightdesk.server.asking import answered, line, read
from weightdesk.server.live import follow
from weightdesk.server.page import FILES, page_file
from weightdesk.server.questions import QUESTIONS
from weightdesk.server.security import LARGEST
from weightdesk.server.session import Session

_BINARY: Final = "application/octet-stream"
_LEFT: Final = 499  # nobody waits for it any more


def make_app(session: Session, aside: Aside | None = None) -> FastAPI:
    """The desk of one run, or of the members of a comparison; `security.Guard` belongs before it.

    Of a comparison `?member=NAME` says which run is asked about; left out, it is that of the session.

    Arguments:
        session: the run.
        aside: answers what takes long; None: the session does.

    Errors are JSON, `{"error": "one line"}`: 400 for a question that is none, 404 for an unknown kind,
    409 for one that cannot be answered.
    """
    app = FastAPI(title="weightdesk", openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/")
    async def page() -> Response:
        return FileResponse(page_file("index.html"), headers={"cache-control": "no-store"})

    @app.get("/static/{name}")
    async def file(name: str) -> Response:
        if name not in FILES:
            return _error(404, "no such file")
        return FileResponse(page_file(name), headers={"cache-control": "no-cache"})

    @app.post("/ask/{kind}")
    async def ask(kind: str, request: Request, member: str = "") -> Response:
        body = await _body(request)
        if body is None:
            return _error(413, "the question is too large")
        return await _answered(kind, body, request, member)

    @app.websocket("/live")
    async def live(socket: WebSocket, member: str = "") -> None:
        await socket.accept()
        if aside is not None:
            await run_in_threadpool(aside.warm)  # the page is there
        await follow(session, socket, member)

    async def _answered(kind: str, body: bytes, request: Request, member: str) -> Response:
        if kind not in QUESTIONS:
            return _error(404, f"nothing is called {kind[:40]!r}")
        try:
            question = read(kind, body)
        except OptionError as error:
            return _error(400, str(error))
        if await request.is_disconnected():  # the page has moved on
            return Response(status_code=_LEFT)
        try:
            chosen = await run_in_threadpool(session.of_member, member)
            if aside is not None and question.long:
                packed = await aside.ask(kind, body, request.is_disconnected, chosen.member)
            else:
                packed = await run_in_threadpool(answered, question, chosen)
        except (WeightdeskError, OSError) as error:
            return _error(409, line(error))
        return _packed(packed)

    return app


def _packed(answer: bytes | None) -> Response:
    """An answer, where anybody still waits for it."""
    if answer is None:
        return Response(status_code=_LEFT)
    return Response(answer, media_type=_BINARY, headers={"cache-control": "no-store"})


async def _body(request: Request) -> bytes | None:
    """The body, as long as it is not too large; a sender may tell no length, or a wrong one."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            return None
        parts.append(part)
    return b"".join(parts)


def _error(status: int, told: str) -> Response:
    return JSONResponse({"error": told}, status)
