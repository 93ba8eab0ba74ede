"""Who may use the server: whoever has the link, from the page that the server itself gave out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import SplitResult, parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from weightdesk.server.keys import Keys

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST: Final = 2_000_000
"""Bytes of a request; a mix of 2,000 turns and an own picture are far below."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_UNKNOWN: Final = (
    401,
    "the token is missing or of an earlier server; use the link that weightdesk printed",
)


class Guard:
    """Lets a request through to the server's routes, or refuses it and ends its connection.

    The token comes with the printed link; from then on cookies stand for it, which no script and no other
    site can read or send. `Host` must be the server's own, or a page elsewhere could reach it through a name
    that it points at this machine; `Origin`, where a browser gives one, must be that host.

    Arguments:
        app: what serves a request that is let through.
        keys: what opens the server.
        hosts: names by which the server may be called, without port; none: any, where it is open to others.
    """

    def __init__(self, app: App, keys: Keys, hosts: Iterable[str]) -> None:
        self._app, self._keys = app, keys
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        refused, cookies = self._foreign(headers), list[str]()
        if refused is None:  # else no ticket is to be used up
            if self._keys.opens(_token(scope)):
                cookies = self._keys.cookies()
            elif not self._keys.admits(scope["path"], headers.getlist("cookie")):
                refused = _UNKNOWN
        if refused is None:
            return await self._app(scope, receive, _with_headers(send, cookies))
        if scope["type"] == "websocket":
            await receive()
            return await send({"type": "websocket.close", "code": 1008, "reason": refused[1]})
        # A connection that is refused is not kept: `connections` counts on it.
        response = PlainTextResponse(refused[1], refused[0], {**HEADERS, "connection": "close"})
        return await response(scope, receive, send)

    def _foreign(self, headers: Headers) -> tuple[int, str] | None:
        """Why a request is refused whoever sends it; None if it is not."""
        host = headers.get("host", "")
        if self._hosts and _name(host) not in self._hosts:
            return 403, "this server is not called so; use the link that weightdesk printed"
        origin = headers.get("origin")
        if origin is not None and _parts(origin).netloc != host:
            return 403, "requests of other pages are refused"
        if _length(headers) > LARGEST:
            return 413, f"the request is larger than {LARGEST:,} bytes"
        return None


def _with_headers(send: Send, cookies: Sequence[str]) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            known = {name.lower() for name, _ in message.get("headers", ())}
            added = [
                (name.encode(), value.encode())
                for name, value in HEADERS.items()
                if name.encode() not in known
            ]
            added += [(b"set-cookie", cookie.encode()) for cookie in cookies]
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return sending


def _name(host: str) -> str:
    return (_parts(f"//{host}").hostname or "").lower()


def _parts(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:  # a bracket that is not closed
        return urlsplit("")


def _length(headers: Headers) -> int:
    told = headers.get("content-length", "0")
    return int(told) if told.isdecimal() else LARGEST + 1


def _token(scope: Scope) -> str:
    """The token in the query; empty if there is none."""
    found = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])
    return str(found[0])
