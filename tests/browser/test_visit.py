"""What a person does on the desk: replay, pick a weight, read why it moved, turn it, compare, undo, save."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from safetensors.torch import load_file
from served import Served
from watching import WAIT, until

from weightdesk.runs import Run
from weightdesk.server.session import Session

WEIGHT = "#layer=hidden2&unit=3&weight=3,5&tab=weight"
SETTLED = 1500  # milliseconds after which an answer is on screen
NAME, INDEX = "hidden2.weight", (3, 5)


def opened(page: Page, server: Served, hash_: str) -> Page:
    page.goto(f"{server.link}{hash_}")
    expect(page.get_by_role("group", name="classes")).to_be_visible(timeout=WAIT)
    return page


def outputs(page: Page) -> list[float]:
    """The logits on screen."""
    told = page.get_by_role("group", name="classes").locator(".figure.soft").all_inner_texts()
    return [float(each.replace("−", "-")) for each in told]


def test_replay_moves_the_playhead_to_the_end(page: Page, server: Served) -> None:
    opened(page, server, "#step=0")
    page.get_by_role("button", name="play", exact=True).click()
    expect(page).to_have_url(re.compile(r"step=6\b"), timeout=20_000)
    expect(page.get_by_role("button", name="play", exact=True)).to_be_visible(timeout=WAIT)


def test_the_outputs_on_screen_are_those_of_the_network(page: Page, server: Served, digits_run: Run) -> None:
    opened(page, server, "#step=6&example=2")
    session = Session(digits_run)
    with session.desk(6) as desk:
        said = desk.outputs(2)[0].tolist()
    assert outputs(page) == pytest.approx(said, abs=0.006)


def test_a_weight_is_picked_read_turned_compared_and_put_back(page: Page, server: Served) -> None:
    opened(page, server, WEIGHT)
    expect(page.get_by_text("why it moved")).to_be_visible(timeout=WAIT)
    before = outputs(page)
    inspector = page.get_by_role("region", name="inspector")
    value = inspector.get_by_role("spinbutton").or_(inspector.get_by_role("textbox")).first
    value.fill("2.5")
    value.press("Enter")
    expect(page).to_have_url(re.compile("turns=hidden2.weight"))
    expect(page.get_by_role("button", name="1 turn")).to_have_attribute("aria-pressed", "true")
    until(page, lambda: outputs(page) != before)
    page.wait_for_timeout(SETTLED)  # until the last of the answers is there
    turned = outputs(page)
    page.get_by_role("button", name="original").click()
    until(page, lambda: outputs(page) == before)
    page.get_by_role("button", name="1 turn").click()
    until(page, lambda: outputs(page) == turned)
    page.get_by_role("button", name="undo").click()
    until(page, lambda: outputs(page) == before)
    expect(page).not_to_have_url(re.compile("turns="))


def test_what_is_saved_is_read_by_plain_safetensors(page: Page, server: Served, tmp_path: Path) -> None:
    opened(page, server, f"{WEIGHT}&turns=hidden2.weight%5B3%2C5%5D%3D2.5")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="save").click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    assert load_file(path)[NAME][INDEX].item() == 2.5


def test_two_pages_do_not_disturb_each_other(page: Page, server: Served) -> None:
    opened(page, server, WEIGHT)
    other = page.context.new_page()
    opened(other, server, f"{WEIGHT}&turns=mute%20hidden2")
    alone = outputs(page)
    assert outputs(other) != alone
    other.get_by_role("button", name="original").click()
    until(other, lambda: outputs(other) == alone)
    assert outputs(page) == alone


def test_the_key_sheet_lists_all_keys_and_keys_work(page: Page, server: Served) -> None:
    opened(page, server, "#layer=hidden2&unit=3")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("mute the chosen unit")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    until(page, lambda: not page.evaluate("document.activeElement.closest('dialog') !== null"))
    page.wait_for_timeout(SETTLED)  # the page hears of the close after the browser
    page.keyboard.press("m")
    expect(page).to_have_url(re.compile(r"turns=mute\+hidden2"))
    page.keyboard.press("Control+z")
    expect(page).not_to_have_url(re.compile("turns="))
    page.keyboard.press("Home")
    expect(page).to_have_url(re.compile(r"step=0\b"))
