"""The secrets of a server: the token of its link, tickets that open it once, and what its cookies hold."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from typing import Final

_PAGE: Final = "page"
_RUN: Final = "run"
_PATHS: Final = {_PAGE: ("/",), _RUN: ("/ask", "/live")}
"""Where the browser sends the cookie of each area back to."""


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(24)


class Keys:
    """What opens a server, and with what it recognises a browser that it has let in.

    Cookies know no ports: a browser sends those of 127.0.0.1 to every server on that address. So no cookie
    holds the token, but a value that is computed from it one way and that no other port takes. And there
    are two: the one that the browser sends with every request opens only the files of the page, which are
    the same for everybody. The one that opens the run is sent to paths below `/ask` and `/live` alone.

    Arguments:
        token: of the printed link.
        port: the one that the server listens on; several servers of one address need cookies of their own.

    >>> keys = Keys("secret", 8000)
    >>> ticket = keys.new_ticket()
    >>> keys.opens(ticket), keys.opens(ticket), keys.opens("secret")
    (True, False, True)
    """

    def __init__(self, token: str, port: int) -> None:
        self._token, self._port = token, port
        self._tickets: dict[str, Callable[[], object] | None] = {}

    def new_ticket(self, used: Callable[[], object] | None = None) -> str:
        """A token that opens the server once and is worthless afterwards.

        Arguments:
            used: called when it has been used.
        """
        ticket = new_token()
        self._tickets[ticket] = used
        return ticket

    def opens(self, given: str) -> bool:
        """Whether this is the token, or a ticket that was not used before."""
        if _same(given, self._token):
            return True
        if given not in self._tickets:
            return False
        used = self._tickets.pop(given)
        if used is not None:
            used()
        return True

    def admits(self, path: str, cookies: Iterable[str]) -> bool:
        """Whether one of these `Cookie` headers opens a path of the server."""
        area = _area(path)
        name, value = self._name(area), self._value(area)
        pairs = (part.strip().partition("=") for header in cookies for part in header.split(";"))
        # other servers of this address may have set one of the same name, so all of them are looked at
        return any(known == name and _same(given, value) for known, _, given in pairs)

    def cookies(self) -> list[str]:
        """The `Set-Cookie` headers for a browser that is let in."""
        return [
            f"{self._name(area)}={self._value(area)}; HttpOnly; SameSite=Strict; Path={path}"
            for area, paths in _PATHS.items()
            for path in paths
        ]

    def _name(self, area: str) -> str:
        return f"weightdesk-{self._port}-{area}"

    def _value(self, area: str) -> str:
        return hmac.digest(self._token.encode(), f"{area} {self._port}".encode(), hashlib.sha256).hex()


def _area(path: str) -> str:
    """What a path belongs to; what is not known to be a file of the page is of the run."""
    return _PAGE if path == "/" or path.startswith("/static/") else _RUN


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), known.encode())
