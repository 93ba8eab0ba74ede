"""The desk as somebody meets it who has clicked on the link."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect
from served import Served, served
from watching import WAIT, Watch, address

from weightdesk.runs import Run, open_run
from weightdesk.server.session import Session

PLAYHEAD = re.compile("step|playhead", re.I)
VALUE = "slider => slider.ariaValueNow ?? slider.value"
LOST = re.compile("connection|reconnect|server", re.I)
CUT = [r"ERR_CONNECTION_REFUSED", r"WebSocket connection to .* failed", r"ERR_CONNECTION_RESET"]


def asks_about(step: int, kind: str = "weights") -> Callable[[Request], bool]:
    """Whether a request is a question about this step."""

    def is_such(request: Request) -> bool:
        if not request.url.endswith(f"/ask/{kind}") or request.post_data is None:
            return False
        return bool(json.loads(request.post_data)["step"] == step)

    return is_such


def step_in(link: str) -> int:
    found = re.search(r"[#&]step=(\d+)", link)
    assert found, f"no step in {link}"
    return int(found[1])


def test_the_link_opens_the_desk_of_the_run(desk: Page) -> None:
    expect(desk.get_by_text("digits").first).to_be_visible(timeout=WAIT)
    expect(desk).to_have_title(re.compile("weightdesk"))


def test_the_token_is_kept_by_the_browser_and_by_nothing_else(desk: Page, server: Served) -> None:
    kept = desk.evaluate("[document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage)]")
    assert kept == ["", "{}", "{}"]
    desk.goto(f"{server.origin}/")
    expect(desk.locator("main.weightdesk .columns")).to_be_visible(timeout=WAIT)


def test_without_the_link_there_is_no_desk(page: Page, server: Served, watch: Watch) -> None:
    watch.expected.append("401")
    answer = page.goto(f"{server.origin}/")
    assert answer is not None
    assert answer.status == 401
    expect(page.get_by_text("use the link that weightdesk printed")).to_be_visible()


@pytest.mark.parametrize("step", [0, 3, 6])
def test_a_link_with_a_step_opens_at_this_step(page: Page, server: Served, step: int) -> None:
    with page.expect_request(asks_about(step)), page.expect_request(asks_about(step, "heard")):
        page.goto(f"{server.link}#step={step}")
    assert step_in(address(page)) == step


def test_another_step_is_in_the_link_which_shows_the_same(
    desk: Page, server: Served, context: BrowserContext
) -> None:
    playhead = desk.get_by_role("slider", name=PLAYHEAD).first
    playhead.focus()
    for _ in range(3):
        playhead.press("ArrowLeft")
    expect(desk).to_have_url(re.compile(r"[#&]step=\d+"))
    step = step_in(address(desk))
    assert step < 6
    other = context.new_page()
    with other.expect_request(asks_about(step)):
        other.goto(address(desk))
    there = other.get_by_role("slider", name=PLAYHEAD).first
    expect(there).to_be_visible(timeout=WAIT)
    assert there.evaluate(VALUE) == playhead.evaluate(VALUE)
    assert step_in(other.url) == step


@pytest.mark.parametrize("hash_", ["#step=x&layer=none", "#turns=mute%20nothing", "#%00%ff", "#step=99999"])
def test_a_link_that_makes_no_sense_still_opens_the_desk(
    page: Page, server: Served, watch: Watch, hash_: str
) -> None:
    watch.expected.append("409")
    page.goto(f"{server.link}{hash_}")
    expect(page.locator("main.weightdesk .columns")).to_be_visible(timeout=WAIT)


def test_a_server_that_starts_again_is_found_again(desk: Page, server: Served, watch: Watch) -> None:
    watch.expected += CUT
    notice = desk.get_by_role("status").or_(desk.get_by_role("alert")).filter(has_text=LOST)
    expect(notice).to_have_count(0)
    server.stop()
    try:
        expect(notice.first).to_be_visible(timeout=WAIT)
    finally:
        server.start()
    expect(notice).to_have_count(0, timeout=WAIT)
    with desk.expect_response("**/ask/*") as asked:
        desk.reload()
    assert asked.value.ok


def test_without_a_snapshot_the_desk_says_so(
    page: Page, built: Path, tmp_path: Path, digits_run: Run
) -> None:
    shutil.copytree(digits_run.path, tmp_path / "run")
    for kept in (tmp_path / "run" / "snapshots").iterdir():
        kept.unlink()
    with served(Session(open_run(tmp_path / "run"))) as server:
        page.goto(server.link)
        strips = page.get_by_role("region", name="channel strips")
        expect(strips.get_by_role("status")).to_contain_text("no snapshot of the weights")
        expect(page.get_by_text("without weights the network says nothing")).to_be_visible()
        expect(page.get_by_text("listening …")).to_have_count(0)
        expect(page.get_by_role("region", name="timeline")).to_contain_text("0 snapshots")
        page.goto("about:blank")
