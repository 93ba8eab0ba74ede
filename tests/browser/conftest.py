"""The built page, served and opened in Debian's Chromium.

The browser lives for one file: as long as Playwright runs, no other test of the process may have an
event loop of its own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from served import Served, served
from watching import WAIT, Watch

from weightdesk.runs import Run
from weightdesk.server import page as built_page
from weightdesk.server.session import Session

expect.set_options(timeout=WAIT)


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder of the built page; where it was built to another place, that is served."""
    if other := os.environ.get("WEIGHTDESK_STATIC"):
        built_page.STATIC = Path(other)  # type: ignore[misc]
    if not (built_page.STATIC / "desk.js").exists():
        pytest.fail("the page is not built: run `make web`")
    return built_page.STATIC


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    found = shutil.which("chromium")
    if found is None:
        pytest.fail("there is no Chromium: run `apt-get install chromium`")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def server(built: Path, digits_run: Run) -> Iterator[Served]:
    """The desk of the small run; a test that stops it starts it again."""
    with served(Session(digits_run)) as running:
        yield running


@pytest.fixture
def watch() -> Watch:
    """What the pages of the test do wrong; a test that provokes an error adds to its `expected`."""
    return Watch()


@pytest.fixture
def context(browser: Browser, watch: Watch) -> Iterator[BrowserContext]:
    """A browser that knows nothing yet; the test fails where one of its pages reports an error."""
    fresh = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    fresh.set_default_timeout(WAIT)
    watch.over(fresh)
    yield fresh
    fresh.close()
    assert not watch.unexpected, "\n".join(watch.unexpected)


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """An empty page; `page.goto(server.link)` opens the desk."""
    return context.new_page()


@pytest.fixture
def desk(page: Page, server: Served) -> Page:
    """The desk of the small run, opened and ready."""
    page.goto(server.link)
    page.locator("main.weightdesk .columns").wait_for()
    return page
