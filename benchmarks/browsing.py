"""A desk in a process of its own, and pages of Debian's Chromium that look at it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, Page, Playwright

READY: Final = "[role=group][aria-label=classes]"
"""Where the outputs of a classifier are."""
_MAIN: Final = "from weightdesk.cli import main; raise SystemExit(main())"


def chromium(playwright: Playwright) -> Browser:
    """The browser, without a window and without a graphics card."""
    return playwright.chromium.launch(
        executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
    )


@contextmanager
def desk_of(run: str, *options: str) -> Iterator[str]:
    """The link of `weightdesk open`, in a process of its own."""
    command = [sys.executable, "-c", _MAIN, "open", run, "--no-browser", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield next(line.split(": ", 1)[1].strip() for line in server.stdout if "http://" in line)
        finally:
            server.terminate()


def opened(browser: Browser, link: str) -> Page:
    """A page whose outputs are on screen."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(link)
    page.locator(READY).wait_for()
    return page
