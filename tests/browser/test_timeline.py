"""The timeline: what happened is marked, and a part of the training can be looped."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from served import Served
from watching import address

from weightdesk.checkup import check
from weightdesk.runs import Run
from weightdesk.server.questions.events import EventsQuestion
from weightdesk.server.session import Session

STEP = re.compile(r"[#&]step=(\d+)")
SEEN = """(seconds) => new Promise((done) => {
    const seen = [];
    const head = document.querySelector("[role=slider][aria-label=step]");
    const look = () => seen.push(Number(head.ariaValueNow));
    const every = setInterval(look, 5);
    const end = () => {
        clearInterval(every);
        done([...new Set(seen)].sort((one, other) => one - other));
    };
    setTimeout(end, 1000 * seconds);
})"""


def opened(page: Page, server: Served, hash_: str = "") -> Page:
    page.goto("about:blank")  # or only the part behind # would change, and nothing be opened
    page.goto(f"{server.link}{hash_}")
    expect(page.get_by_role("toolbar", name="events")).to_be_visible()
    return page


def playhead(page: Page) -> Locator:
    return page.get_by_role("slider", name="step", exact=True)


def looped(page: Page) -> str | None:
    """The part that the link tells."""
    found = re.search(r"[#&]loop=([^&]*)", address(page))
    return found and found[1]


def place(page: Page, step: int) -> tuple[float, float]:
    """Where on the screen a step of the run lies."""
    box: Any = playhead(page).bounding_box()
    return box["x"] + box["width"] * step / 6, box["y"] + 25


def drag(page: Page, start: int, end: int) -> None:
    page.mouse.move(*place(page, start))
    page.mouse.down()
    page.mouse.move(*place(page, end), steps=5)
    page.mouse.up()


def test_every_event_and_finding_is_a_button_that_says_what_it_is(
    page: Page, server: Served, digits_run: Run
) -> None:
    events, findings = EventsQuestion().answer(Session(digits_run)).events, check(digits_run)
    marks = opened(page, server).get_by_role("toolbar", name="events").get_by_role("button")
    expect(marks).to_have_count(len(events) + len(findings))
    known = [(each.step, f"step {each.step}: {each.message}") for each in events]
    known += [(each.since, f"since step {each.since}: {each.message}") for each in findings]
    told = [mark.get_attribute("aria-label") for mark in marks.all()]
    assert told == [label for _, label in sorted(known, key=lambda each: each[0])]
    shapes = {mark.locator("path").get_attribute("d") for mark in marks.all()}  # shapes, not colours
    assert len(shapes) == 3 + bool(findings)


def test_an_event_is_read_and_gone_to_by_pointer_or_keys(page: Page, server: Served) -> None:
    opened(page, server, "#step=2")
    marks = page.get_by_role("toolbar", name="events").get_by_role("button")
    label = marks.last.get_by_text("step 6 · completed at step 6")
    expect(label).to_be_hidden()
    marks.last.hover()
    expect(label).to_be_visible()
    marks.last.click()
    expect(page).to_have_url(re.compile("step=6"))
    opened(page, server, "#step=2")
    playhead(page).focus()
    page.keyboard.press("Shift+Tab")  # the marks are one stop, before the playhead
    page.keyboard.press("End")
    expect(marks.last).to_be_focused()
    expect(label).to_be_visible()
    expect(page).to_have_url(re.compile("step=2"))
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("step=6"))


def test_a_part_is_chosen_by_dragging_with_shift_and_given_up_with_a_click(
    page: Page, server: Served
) -> None:
    opened(page, server, "#step=6")
    page.keyboard.down("Shift")
    drag(page, 4, 1)
    page.keyboard.up("Shift")
    assert looped(page) == "1-4"
    assert STEP.search(address(page))[1] == "6"  # type: ignore[index]
    page.get_by_role("button", name="loop 1–4").click()
    expect(page.get_by_role("slider", name="loop from")).to_have_count(0)
    assert looped(page) is None


def test_the_ends_of_a_loop_are_dragged_and_moved_by_keys(page: Page, server: Served) -> None:
    opened(page, server, "#loop=1-4")
    start, end = (page.get_by_role("slider", name=f"loop {each}") for each in ("from", "to"))
    box: Any = end.bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(*place(page, 5), steps=4)
    page.mouse.up()
    assert looped(page) == "1-5"
    start.focus()
    page.keyboard.press("ArrowRight")
    assert looped(page) == "2-5"
    expect(start).to_have_attribute("aria-valuenow", "2")
    page.keyboard.press("Delete")
    expect(start).to_have_count(0)


def test_keys_put_the_ends_at_the_playhead(page: Page, server: Served) -> None:
    opened(page, server, "#step=2")
    page.keyboard.press("i")
    assert looped(page) == "2-6"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("o")
    assert looped(page) == "2-4"
    page.keyboard.press("l")
    assert looped(page) is None
    page.keyboard.press("l")
    assert looped(page) == "all"


@pytest.mark.parametrize("speed", ["0.5", "4"])
def test_replay_stays_in_the_loop_and_shows_all_of_it(page: Page, server: Served, speed: str) -> None:
    opened(page, server, "#step=0&loop=2-4")
    page.get_by_label("speed").select_option(f"{speed}×")
    page.get_by_role("button", name="play", exact=True).click()
    expect(page).to_have_url(re.compile("step=2"))
    seen = page.evaluate(SEEN, 1 + 4 / float(speed))
    assert seen == [2, 3, 4]
    expect(page.get_by_role("button", name="pause")).to_be_visible()
    page.get_by_role("button", name="pause").click()
    assert page.evaluate(SEEN, 0.5) == [int(STEP.search(address(page))[1])]  # type: ignore[index]


def test_without_a_loop_replay_ends_at_any_speed(page: Page, server: Served) -> None:
    for speed in ("4", "2"):
        opened(page, server, "#step=0")
        page.get_by_label("speed").select_option(f"{speed}×")
        page.get_by_role("button", name="play", exact=True).click()
        expect(page).to_have_url(re.compile("step=6"))
        expect(page.get_by_role("button", name="play", exact=True)).to_be_visible()


def test_a_loop_asks_for_each_snapshot_once(page: Page, server: Served) -> None:
    asked: list[str] = []
    page.on(
        "request", lambda each: asked.append(each.post_data or "") if "/ask/weights" in each.url else None
    )
    opened(page, server, "#step=2&loop=2-4&turns=mute%20hidden1%5B2%5D")
    page.get_by_label("speed").select_option("4×")
    page.get_by_role("button", name="play", exact=True).click()
    assert page.evaluate(SEEN, 3) == [2, 3, 4]
    assert len(asked) >= 3
    assert len(asked) == len(set(asked))
