"""A layer too large to be fetched whole: its units are strips like any, read only while they are in view."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from served import Served, served
from watching import address, until

from weightdesk import open_run
from weightdesk.runs import Run
from weightdesk.server.questions.weights import AT_ONCE
from weightdesk.server.session import Session
from weightdesk.training import Recipe, train

WIDE = 2048
NAME = "hidden2.weight"
LINK = "#layer=hidden2&unit=3&weight=3,100"


@pytest.fixture(scope="module")
def wide_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("runs") / "wide"
    train(Recipe.create("digits", network="mlp", layers=(WIDE, WIDE), steps=3), place, every=1, cost=None)
    run = open_run(place)
    assert run.parameters[NAME].size > AT_ONCE
    return run


@pytest.fixture(scope="module")
def server(built: object, wide_run: Run) -> Iterator[Served]:
    with served(Session(wide_run)) as running:
        yield running


@pytest.fixture
def asked(page: Page) -> list[dict[str, Any]]:
    """What the page asks of the layer's weights."""
    found: list[dict[str, Any]] = []

    def note(request: Any) -> None:
        if request.url.endswith("/ask/weights") and json.loads(request.post_data)["parameter"] == NAME:
            found.append(json.loads(request.post_data))

    page.on("request", note)
    return found


@pytest.fixture
def strips(page: Page, asked: list[dict[str, Any]], server: Served) -> Locator:
    page.goto(server.link + LINK)
    found = page.get_by_role("list", name="units of hidden2")
    until(page, lambda: value(found, 3) != 0)
    return found


def kernel(strips: Locator, unit: int) -> Locator:
    return strips.get_by_role("slider", name=f"hidden2.weight[{unit},100]")


def value(strips: Locator, unit: int) -> float:
    return float(kernel(strips, unit).get_attribute("aria-valuenow") or "nan")


def test_each_unit_has_a_strip_and_only_those_in_view_are_read(
    strips: Locator, asked: list[dict[str, Any]], wide_run: Run
) -> None:
    assert value(strips, 3) == wide_run.weights(NAME, 3)[3, 100]
    items = strips.get_by_role("listitem")
    expect(items.first).to_have_attribute("aria-setsize", str(WIDE))
    assert items.count() < 40
    units = [each["unit"] for each in asked]  # none of all of it
    assert set(units) == set(range(items.count()))
    assert len(units) == len({*units}), "a unit was asked for twice"


def test_a_replay_moves_what_is_in_view(page: Page, strips: Locator, wide_run: Run) -> None:
    page.get_by_role("button", name="back to the start").click()
    for step in range(4):
        expected = float(wide_run.weights(NAME, step)[3, 100])
        until(page, lambda expected=expected: value(strips, 3) == expected)  # type: ignore[misc]
        page.get_by_role("button", name="+1 snapshot").click()


def test_a_knob_turns_and_only_its_unit_is_read_anew(
    page: Page, strips: Locator, asked: list[dict[str, Any]], wide_run: Run
) -> None:
    asked.clear()
    before = value(strips, 3)
    kernel(strips, 3).focus()
    kernel(strips, 3).press("PageUp")
    expect(kernel(strips, 3)).not_to_have_attribute("aria-valuenow", str(before))
    turn = f"{NAME}[3,100]={value(strips, 3)}"
    until(page, lambda: turn in unquote(address(page)))
    until(page, lambda: any(each["turns"] == [turn] for each in asked))
    assert {each["unit"] for each in asked} == {3}
    expected = Session(wide_run).weights(NAME, 3, (turn,))[3, 100]
    assert value(strips, 3) == pytest.approx(float(expected), rel=1e-6)
    strips.get_by_role("button", name="mute unit 5").click()
    expect(strips.get_by_role("button", name="unit 5, silent")).to_be_visible()
    gain = strips.get_by_role("slider", name="gain of unit 4")
    gain.focus()
    gain.press("ArrowUp")
    until(page, lambda: "scale hidden2[4] 1.05" in unquote(address(page)).replace("+", " "))
    until(page, lambda: {each["unit"] for each in asked} == {3, 4, 5})


def test_they_are_sorted_by_norm_without_being_fetched(
    page: Page, asked: list[dict[str, Any]], server: Served, wide_run: Run
) -> None:
    page.goto(f"{server.link}#layer=hidden2")
    strips = page.get_by_role("list", name="units of hidden2")
    page.get_by_role("combobox", name="by").select_option("norm")
    strongest = int(wide_run.weights(NAME, 3).norm(dim=1).argmax())
    first = strips.locator("[role=listitem][aria-posinset='1']")
    expect(first.get_by_role("button", name=f"unit {strongest}", exact=True)).to_be_visible()
    until(page, lambda: strongest in [each["unit"] for each in asked])
    assert len(asked) < 60


def test_what_is_scrolled_past_is_not_waited_for(page: Page, strips: Locator) -> None:
    gone = list[str]()
    page.on("requestfailed", lambda request: gone.append(request.post_data or ""))
    page.route("**/ask/weights", lambda route: None if in_the_middle(route) else route.continue_())
    scrolled(strips, 0.5)
    page.wait_for_timeout(300)
    assert not gone
    scrolled(strips, 1.0)
    until(page, lambda: len(gone) > 2)
    assert all(f'"parameter":"{NAME}"' in each for each in gone)
    last = strips.get_by_role("slider", name=f"weights of unit {WIDE - 1}")
    expect(last).to_be_in_viewport()
    last.focus()
    last.press("Enter")
    chosen = strips.get_by_role("slider", name=f"{NAME}[{WIDE - 1},0]")
    until(page, lambda: float(chosen.get_attribute("aria-valuenow") or 0) != 0)


def in_the_middle(route: Route) -> bool:
    """Whether it asks for a unit that the server of this test never answers about."""
    return WIDE // 4 < (json.loads(route.request.post_data or "{}").get("unit") or 0) < WIDE * 3 // 4


def scrolled(strips: Locator, part: float) -> None:
    strips.evaluate("(list, part) => (list.parentElement.scrollLeft = part * list.scrollWidth)", part)
