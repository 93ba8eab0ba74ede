"""The Layers page: pictures, scores and the evidence behind them, at the step of the timeline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from served import Served, served
from test_accessibility import violations
from watching import address

from weightdesk.runs import open_run
from weightdesk.server.session import Session
from weightdesk.training import Recipe, train

LONG = 60_000  # milliseconds; two cores are shared with other tests


@pytest.fixture(scope="module")
def layered(tmp_path_factory: pytest.TempPathFactory, built: Path) -> Iterator[Served]:
    recipe = Recipe.create("digits", network="cnn", layers=(3, 4), steps=30)
    run = open_run(train(recipe, tmp_path_factory.mktemp("runs") / "digits", every=10).directory)
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
