"""How the browser comes to the desk: by a file for its user alone, and without the token in sight."""

from __future__ import annotations

import http.server
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue

import pytest
from playwright.sync_api import Page, expect
from served import Served
from watching import WAIT, Watch, address

from weightdesk.server.browser import PrivateLink
from weightdesk.server.keys import Keys

DESK = "main.weightdesk .columns"


@contextmanager
def other_server() -> Iterator[tuple[int, list[str]]]:
    """Another server of this address, and the cookies that it was sent."""
    sent: list[str] = []

    class Listening(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent.append(self.headers.get("cookie", ""))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listening) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port, sent
        finally:
            server.shutdown()


def test_the_address_loses_the_token_and_a_reload_and_a_second_tab_need_none(
    page: Page, server: Served
) -> None:
    page.goto(f"{server.link}#step=3")
    expect(page.locator(DESK)).to_be_visible(timeout=WAIT)
    link = address(page)
    assert link.startswith(f"{server.origin}/#")
    assert "step=3" in link
    page.reload()
    expect(page.locator(DESK)).to_be_visible(timeout=WAIT)
    second = page.context.new_page()
    second.goto(link)
    expect(second.locator(DESK)).to_be_visible(timeout=WAIT)
    assert "step=3" in address(second)


def test_a_private_file_leads_to_the_desk_and_is_gone(
    page: Page, server: Served, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.expected.append("file:///.*/desk.html$")
    opened = Queue[str]()
    monkeypatch.setattr(webbrowser, "open", opened.put)
    private = PrivateLink()
    private.open(f"{server.link}#step=2")  # a ticket in place of the token makes no difference to the page
    page.goto(opened.get(timeout=20))
    page.wait_for_url(f"{server.origin}/#**", timeout=WAIT)
    expect(page.locator(DESK)).to_be_visible(timeout=WAIT)
    assert "step=2" in address(page)
    private.remove()
    private.remove()


def test_what_another_server_of_this_address_is_sent_opens_no_run(page: Page, server: Served) -> None:
    page.goto(server.link)
    expect(page.locator(DESK)).to_be_visible(timeout=WAIT)
    page.goto("about:blank")
    with other_server() as (port, sent):
        page.goto(f"http://127.0.0.1:{port}/")
        page.goto(f"http://127.0.0.1:{port}/static/x")
        page.goto("about:blank")
    assert sent
    everything = "; ".join(sent)
    assert server.token not in everything
    assert f"weightdesk-{server.port}-page=" in everything  # cookies know no ports
    assert not Keys(server.token, server.port).admits("/ask/weights", sent)
    assert server.request("POST", "/ask/overview", "{}", cookie=everything).status == 401


def test_the_sheet_of_keys_has_the_licences(page: Page, server: Served, watch: Watch) -> None:
    page.goto(server.link)
    expect(page.locator(DESK)).to_be_visible(timeout=WAIT)
    page.get_by_role("button", name="keys").click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_text("licences of the packages").click()
    licences = sheet.get_by_label("licences", exact=True)
    expect(licences).to_be_visible()
    for words in ("svelte - ", "uplot - ", "d3-scale - ", "Permission is hereby granted"):
        expect(licences).to_contain_text(words)
