"""The Layers page: pictures, scores and the evidence behind them, at the step of the timeline."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from served import Served, served
from test_accessibility import violations
from watching import Watch, address

from weightdesk.capture.readings import read
from weightdesk.runs import open_run
from weightdesk.server.aside import Aside
from weightdesk.server.session import Session
from weightdesk.training import Recipe, train

LONG = 60_000  # milliseconds; two cores are shared with other tests


@pytest.fixture(scope="module")
def layered(tmp_path_factory: pytest.TempPathFactory, built: Path) -> Iterator[Served]:
    recipe = Recipe.create("digits", network="cnn", layers=(3, 4), steps=30)
    place = train(recipe, tmp_path_factory.mktemp("runs") / "digits", every=10).directory
    session = Session(open_run(place))
    with served(session, Aside(place, gauge=session.gauge)) as running:
        yield running


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, built: Path) -> Iterator[Served]:
    recipe = Recipe.create("reviews", steps=20, examples=400, layers="3,3", embedding=8)
    run = open_run(train(recipe, tmp_path_factory.mktemp("runs") / "reviews", every=10).directory)
    with served(Session(run)) as running:
        yield running


def test_a_picture_opens_the_evidence_behind_it(layered: Served, page: Page) -> None:
    page.goto(layered.link)
    page.get_by_role("button", name="layers", exact=True).click()
    expect(page.get_by_role("region", name="layer conv1")).to_contain_text("task", timeout=LONG)
    unit = page.get_by_role("list", name="units of conv2").get_by_role("button").nth(2)
    expect(unit).to_contain_text("×", timeout=LONG)
    unit.click()
    evidence = page.get_by_role("region", name="evidence")
    expect(evidence.get_by_role("button", name="example")).to_have_count(18, timeout=LONG)
    evidence.get_by_text("what feeds it").click()
    expect(evidence).to_contain_text("conv1", timeout=LONG)
    assert "page=layers" in address(page)
    assert "unit=2" in address(page)
    assert violations(page) == []


def test_the_page_follows_the_timeline(layered: Served, page: Page) -> None:
    page.goto(f"{layered.link}#page=layers&layer=conv1&step=0")
    task = page.get_by_role("region", name="layer output").locator("dl div").first
    expect(task).to_contain_text("%", timeout=LONG)
    before = task.get_attribute("title") or ""
    page.get_by_role("slider", name="step").press("End")
    expect(task).not_to_have_attribute("title", before, timeout=LONG)
    expect(page.get_by_text("step 30 of 30")).to_be_visible()


def test_long_work_is_stopped_by_hand(layered: Served, page: Page) -> None:
    page.goto(f"{layered.link}#page=layers&layer=conv1&step=20")
    page.get_by_text("when it formed").click()
    page.get_by_role("progressbar").wait_for(timeout=LONG)
    page.get_by_role("button", name="stop").click()
    expect(page.get_by_text("stopped; ask again").first).to_be_visible(timeout=LONG)
    expect(page.get_by_role("progressbar")).to_have_count(0, timeout=LONG)


def test_scores_are_drawn_with_their_numbers(layered: Served, page: Page) -> None:
    page.goto(f"{layered.link}#page=layers&layer=conv1&step=30")
    page.get_by_text("how alike the layers are").click()
    cell = page.get_by_role("group", name="likeness of layers").get_by_role("cell").nth(1)
    cell.wait_for(timeout=LONG)
    first = read("similarity", layered.session.case(30)).to_arrow().slice(1, 1).to_pylist()[0]
    expect(cell).to_have_attribute("title", re.compile(rf"^inputs and conv1: {first['CKA']:.3f};"))
    page.get_by_text("when it formed").click()
    curve = page.get_by_role("slider", name=re.compile("probe: task of output"))
    curve.wait_for(timeout=LONG)
    curve.press("ArrowLeft")
    curve.press("Enter")
    expect(page.get_by_text("step 20 of 30")).to_be_visible()


def test_a_unit_of_a_network_of_texts_opens_its_sentences(told: Served, page: Page, watch: Watch) -> None:
    watch.expected.append("409")  # for a word that it does not know
    page.goto(f"{told.link}#page=layers&layer=conv2&step=20")
    unit = page.get_by_role("list", name="units of conv2").get_by_role("button").nth(1)
    expect(unit.locator("mark")).not_to_be_empty(timeout=LONG)
    seen = unit.locator("mark").inner_text()
    unit.click()
    evidence = page.get_by_role("region", name="evidence")
    expect(evidence.locator("mark").first).to_have_text(seen, timeout=LONG)
    evidence.get_by_text("words like it").click()
    page.get_by_label("a word").fill("nonsuch")
    page.get_by_label("a word").press("Enter")
    expect(evidence).to_contain_text("nonsuch", timeout=LONG)
    assert violations(page) == []
