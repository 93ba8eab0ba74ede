"""The Compare page: the verdict, its numbers, and the way to each run behind them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from served import Served, served
from test_accessibility import violations

from weightdesk.server.aside import Aside
from weightdesk.server.opening import open_place
from weightdesk.training.compare import Comparison, compare
from weightdesk.training.compare.record import FILE

LONG = 60_000  # milliseconds; two cores are shared with other tests

TOO_WIDE = """region => [...region.querySelectorAll(".scroll, .panel")]
    .filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.getAttribute("aria-label"))"""


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("comparison") / "inits"
    options: dict[str, Any] = {"network": "mlp", "layers": (8, 8), "dropout": 0, "steps": 20}
    return compare("digits", {"init": ["zeros", "he_normal"]}, folder, seeds=2, workers=1, **options)


@pytest.fixture(scope="module")
def compared(comparison: Comparison, built: Path) -> Iterator[Served]:
    place = str(comparison.folder)
    session = open_place(place)
    with served(session, Aside(place, gauge=session.gauge)) as running:
        yield running


def opened(page: Page, server: Served) -> None:
    page.goto(f"{server.link}#page=compare")
    page.get_by_role("region", name="verdict").wait_for(timeout=LONG)


def test_the_verdict_stands_first_with_the_numbers_of_each_setting(
    comparison: Comparison, compared: Served, page: Page
) -> None:
    opened(page, compared)
    said = page.get_by_role("region", name="verdict").inner_text().replace("\xa0", " ").replace("−", "-")
    assert said.startswith(comparison.verdict)
    assert comparison.finals is not None
    rows = comparison.finals.table.to_pylist()
    shown = page.get_by_role("region", name="settings").locator("tbody tr")
    for place, row in enumerate(rows):
        expect(shown.nth(place)).to_contain_text(row["setting"])
        expect(shown.nth(place)).to_contain_text(f"{100 * row['accuracy']:.1f} %")
    expect(shown.filter(has_text="zeros")).to_contain_text("cannot start")
    signal = page.get_by_role("region", name="the signal at step 0, layer by layer")
    expect(signal).to_contain_text("cannot start: no weight gets a gradient")


def test_charts_read_their_numbers_out(comparison: Comparison, compared: Served, page: Page) -> None:
    opened(page, compared)
    loss = page.get_by_role("slider", name="loss of he_normal")
    rows = [each for each in comparison.curves[1].table.to_pylist() if each["setting"] == "he_normal"]
    expect(loss).to_have_attribute("aria-valuetext", re.compile(rf"^step 20 · {rows[-1]['mean']:#.3g} \("))
    loss.press("ArrowLeft")
    expect(loss).to_have_attribute("aria-valuetext", re.compile(rf"^step {rows[-2]['step']} · "))
    signal = page.get_by_role("slider", name="forward signal of he_normal")
    layer = comparison.starts["he_normal"].layers[-1]
    expected = rf"^output · {layer.forward:#.3g} · theory {layer.forward_theory:#.3g}$"
    expect(signal).to_have_attribute("aria-valuetext", re.compile(expected))
    silent = page.get_by_role("slider", name="forward signal of zeros")
    expect(silent).to_have_attribute("aria-valuetext", re.compile("^0 in every layer"))


def test_a_seed_opens_its_run_and_the_page_leads_back(compared: Served, page: Page) -> None:
    opened(page, compared)
    page.get_by_role("link", name="seed 1 of he_normal").click()
    page.locator("main.weightdesk .columns").wait_for(timeout=LONG)
    expect(page.locator("header .name")).to_contain_text("he_normal-seed1")
    expect(page.locator("header .name")).to_contain_text("seed 1")
    page.get_by_role("button", name="compare", exact=True).click()
    here = page.get_by_role("link", name="seed 1 of he_normal")
    expect(here).to_have_attribute("aria-current", "true", timeout=LONG)
    assert "member=he_normal-seed1" in page.url
    page.reload()
    expect(here).to_have_attribute("aria-current", "true", timeout=LONG)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 1920])
def test_nobody_is_shut_out_and_nothing_is_cut_off(
    compared: Served, page: Page, scheme: Any, width: int
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 720})
    opened(page, compared)
    page.get_by_role("slider").first.wait_for()
    assert violations(page) == []
    region = page.get_by_role("region", name="comparison", exact=True)
    assert region.evaluate(TOO_WIDE) == []
    header = page.locator("header").first
    assert header.evaluate("each => each.scrollWidth - each.clientWidth") <= 0


def test_what_failed_is_said_with_its_error(comparison: Comparison, compared: Served, page: Page) -> None:
    place = comparison.folder / FILE
    before = place.read_text("utf-8")
    content = json.loads(before)
    content["members"]["zeros-seed1"] |= {"status": "killed", "said": "its process ended by signal 9"}
    place.write_text(json.dumps(content), "utf-8")
    try:
        opened(page, compared)
        failed = page.get_by_role("region", name="not finished")
        expect(failed).to_contain_text("zeros-seed1", timeout=LONG)
        expect(failed).to_contain_text("killed its process ended by signal 9")
    finally:
        place.write_text(before, "utf-8")


def test_a_single_run_has_no_such_page(server: Served, page: Page) -> None:
    page.goto(f"{server.link}#page=compare")
    page.locator("main.weightdesk .columns").wait_for()
    expect(page.get_by_role("button", name="compare", exact=True)).to_have_count(0)
