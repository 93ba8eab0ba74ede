"""The routes: the page, its questions, and word that the run has grown."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import FileResponse, JSONResponse
from starlette.concurrency import run_in_threadpool

from weightdesk.errors import OptionError, WeightdeskError
from weightdesk.server.aside import Aside
from weightdesk.server.asking import answered, line, read
from weightdesk.server.live import follow
from weightdesk.server.page import FILES, page_file
from weightdesk.server.questions import QUESTIONS
from weightdesk.server.questions.question import Question
from weightdesk.server.security import LARGEST
from weightdesk.server.session import Session
from weightdesk.server.turns import BusyError, Turns

PAGE_HEADER: Final = "weightdesk-page"
"""Tells which page asks, by a random name that it gave itself; those that tell none count as one."""

_AT_ONCE: Final = 16  # questions that are answered at once, each in a thread
_OF_A_PAGE: Final = 4  # of them of one page, so that others need not wait for all that it asked
_LONGEST_NAME: Final = 64  # letters of a page's name
_BINARY: Final = "application/octet-stream"
_LEFT: Final = 499  # nobody waits for it any more


def make_app(session: Session, aside: Aside | None = None) -> FastAPI:
    """The desk of one run, or of the members of a comparison; `security.Guard` belongs before it.

    Of a comparison `?member=NAME` says which run is asked about; left out, it is that of the session.

    Arguments:
        session: the run.
        aside: answers what takes long; None: the session does.

    Errors are JSON, `{"error": "one line"}`: 400 for a question that is none, 404 for an unknown kind,
    409 for one that cannot be answered, 429 where a page asks more than can wait.
    """
    answers = _Answers(session, aside)
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
        return await answers.respond(kind, request, member)

    @app.websocket("/live")
    async def live(socket: WebSocket, member: str = "") -> None:
        await socket.accept()
        if aside is not None:
            await run_in_threadpool(aside.warm)  # the page is there
        await follow(session, socket, member)

    return app


class _Answers:
    """Answers questions, page by page in turn."""

    def __init__(self, session: Session, aside: Aside | None) -> None:
        self._session, self._aside = session, aside
        self._turns = Turns(_AT_ONCE, _OF_A_PAGE)

    async def respond(self, kind: str, request: Request, member: str) -> Response:
        """The answer to a question, or why there is none."""
        body = await _body(request)
        if body is None:
            return _error(413, "the question is too large")
        if kind not in QUESTIONS:
            return _error(404, f"nothing is called {kind[:40]!r}")
        try:
            question = read(kind, body)
        except OptionError as error:
            return _error(400, str(error))
        try:
            return _packed(await self._in_turn(question, body, request, member))
        except BusyError as error:
            return _error(429, line(error))
        except (WeightdeskError, OSError) as error:
            return _error(409, line(error))

    async def _in_turn(
        self, question: Question[Any], body: bytes, request: Request, member: str
    ) -> bytes | None:
        """The packed answer, when it is the page's turn; None if it has moved on."""
        page, left = request.headers.get(PAGE_HEADER, "")[:_LONGEST_NAME], request.is_disconnected
        async with self._turns.turn(page, left) as has_turn:
            if not has_turn or await left():
                return None
            chosen = await run_in_threadpool(self._session.of_member, member)
            if self._aside is None or not question.long:
                return await run_in_threadpool(answered, question, chosen)
        return await self._aside.ask(question.kind, body, left, chosen.member, page)


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
