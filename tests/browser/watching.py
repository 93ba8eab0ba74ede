"""What pages of the browser tests do that no page should."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request

WAIT = 30_000  # milliseconds; a slow machine is no fault of the page
WRITTEN = 200  # milliseconds; a page writes its address ten times a second
LOCAL = frozenset({"127.0.0.1", "localhost"})


@dataclass
class Watch:
    """What pages did that no page should.

    Attributes:
        faults: errors that scripts or the browser reported, and requests to other machines.
        expected: patterns of errors that the test itself provokes.
    """

    faults: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        """Watch all pages of a context."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self.faults.append(f"uncaught: {error.error}"))
        context.on("request", self._request)

    @property
    def unexpected(self) -> list[str]:
        return [each for each in self.faults if not any(re.search(known, each) for known in self.expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            place = message.location
            where = f"{place.get('url', '')}:{place.get('lineNumber', '')}"
            self.faults.append(f"{message.type}: {message.text} ({where})")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.hostname not in LOCAL:
            self.faults.append(f"request to another machine: {request.url}")


def address(page: Page) -> str:
    """The page's address, once it tells what is shown."""
    page.wait_for_timeout(WRITTEN)
    return page.url


def until(page: Page, condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something is so on screen, however slow the machine."""
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end, "it never came to be so"
        page.wait_for_timeout(50)
