"""Who may use the server: whoever has the link, from the page that the server itself gave out."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from http.cookies import CookieError, Morsel, SimpleCookie
from typing import Any, Final, TypeAlias
from urllib.parse import SplitResult, parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

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


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(24)


class Guard:
    """Lets a request through to the server's routes, or refuses it.

    The token comes with the printed link and is kept in a cookie, which no script and no other site can
    read or send. `Host` must be the server's own, or a page elsewhere could reach it through a name that
    it points at this machine; `Origin`, where a browser gives one, must be that host.

    Arguments:
        app: what serves a request that is let through.
        token: of the printed link.
        hosts: names by which the server may be called, without port; none: any, where it is open to others.
        port: the one that it listens on.
    """

    def __init__(self, app: App, token: str, hosts: Iterable[str], port: int) -> None:
        self._app, self._token, self._port = app, token, port
        self._hosts = frozenset(hosts)

    @property
    def cookie(self) -> str:
        """The cookie's name: cookies know no ports, and several desks may be open."""
        return f"weightdesk-{self._port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        refused = self._refused(scope, headers)
        if refused is None:
            return await self._app(scope, receive, _with_headers(send, self._cookies(scope)))
        if scope["type"] == "websocket":
            await receive()
            return await send({"type": "websocket.close", "code": 1008, "reason": refused[1]})
        response = PlainTextResponse(refused[1], refused[0], dict(HEADERS))
        return await response(scope, receive, send)

    def _refused(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if self._hosts and _name(host) not in self._hosts:
            return 403, "this server is not called so; use the link that weightdesk printed"
        origin = headers.get("origin")
        if origin is not None and _parts(origin).netloc != host:
            return 403, "requests of other pages are refused"
        if _length(headers) > LARGEST:
            return 413, f"the request is larger than {LARGEST:,} bytes"
        given = _query(scope) or _cookie(headers, self.cookie)
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return 401, "the token is missing or of an earlier server; use the link that weightdesk printed"
        return None

    def _cookies(self, scope: Scope) -> dict[str, str]:
        if not _query(scope):
            return {}
        return {"set-cookie": f"{self.cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"}


def _with_headers(send: Send, more: Mapping[str, str]) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            known = {name.lower() for name, _ in message.get("headers", ())}
            added = [
                (name.encode(), value.encode())
                for name, value in {**HEADERS, **more}.items()
                if name.encode() not in known
            ]
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


def _query(scope: Scope) -> str:
    found = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])
    return str(found[0])


def _cookie(headers: Headers, name: str) -> str:
    try:
        found: Morsel[str] | None = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return "" if found is None else str(found.value)
