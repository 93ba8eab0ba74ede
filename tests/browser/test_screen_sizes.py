"""Nothing is cut off or pushed out, from a tablet held upright to a large screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from served import Served
from watching import Watch, address, until

TABLETS = {"across": (1024, 768), "upright": (820, 1180)}
SCREENS = {"small": (1280, 720), "large": (1920, 1080)}
REGIONS = ("channel strips", "input and outputs", "inspector", "timeline")
CLIPPED = """all => all.filter(each => each.scrollWidth > each.clientWidth + 1).map(each => each.innerText)"""


@pytest.fixture(params=TABLETS)
def tablet(request: pytest.FixtureRequest, browser: Browser, watch: Watch) -> Iterator[Page]:
    """A page that is touched, on a small screen."""
    width, height = TABLETS[request.param]
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=True, is_mobile=True, reduced_motion="reduce"
    )
    watch.over(context)
    yield context.new_page()
    context.close()
    assert not watch.unexpected


def box(page: Page, region: str) -> dict[str, float]:
    found: Any = page.get_by_role("region", name=region).bounding_box()
    assert found is not None
    return {**found, "right": found["x"] + found["width"], "bottom": found["y"] + found["height"]}


def fits(page: Page) -> None:
    """Everything lies within the window, and what each class is given can be read."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    size: Any = page.viewport_size
    for region in REGIONS:
        lies = box(page, region)
        assert lies["x"] >= 0
        assert lies["y"] >= 0
        assert lies["right"] <= size["width"], region
        assert lies["bottom"] <= size["height"], region
    classes = page.get_by_role("group", name="classes")
    assert classes.locator(".name, .figure").evaluate_all(CLIPPED) == []
    assert min(classes.locator(".bar").evaluate_all("all => all.map(each => each.clientWidth)")) >= 40
    within = classes.evaluate("each => each.scrollHeight <= each.clientHeight + 1")
    assert within, "some classes are out of sight"


def test_a_tablet_shows_all_of_the_desk(tablet: Page, server: Served) -> None:
    tablet.goto(f"{server.link}#unit=1&tab=unit")
    expect(tablet.get_by_role("group", name="classes")).to_be_visible()
    fits(tablet)


def test_held_upright_the_strips_have_the_whole_width(browser: Browser, server: Served) -> None:
    page = browser.new_page(viewport={"width": 820, "height": 1180})
    page.goto(server.link)
    expect(page.get_by_role("group", name="classes")).to_be_visible()
    assert box(page, "channel strips")["width"] > 780
    assert box(page, "inspector")["bottom"] < box(page, "channel strips")["y"]
    page.context.close()


def test_knobs_and_faders_are_turned_by_touch(tablet: Page, server: Served) -> None:
    tablet.goto(server.link)
    expect(tablet.get_by_role("group", name="classes")).to_be_visible()  # all is in its place
    hand = tablet.context.new_cdp_session(tablet)
    for name, turn in (("bias of unit 2", "hidden1.bias%5B2%5D"), ("gain of unit 1", "scale+hidden1%5B1%5D")):
        place: Any = tablet.get_by_role("slider", name=name, exact=True).bounding_box()
        x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
        for kind, up in (
            ("touchStart", 0),
            *(("touchMove", up) for up in range(2, 25, 2)),
            ("touchEnd", None),
        ):
            points = [] if up is None else [{"x": x, "y": y - up}]
            hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        until(tablet, lambda turn=turn: turn in address(tablet))  # type: ignore[misc]


@pytest.mark.parametrize("turns", ["", "#turns=mute%20hidden1%5B5%5D"])
@pytest.mark.parametrize("size", SCREENS)
def test_on_a_screen_everything_has_its_room(page: Page, server: Served, size: str, turns: str) -> None:
    width, height = SCREENS[size]
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{server.link}{turns}")
    expect(page.get_by_role("group", name="classes")).to_be_visible()
    fits(page)
    pad: Any = page.get_by_role("application").bounding_box()
    assert pad["height"] > height / 7  # it grows with the room that there is


def test_the_sheet_of_keys_fits_a_small_screen(page: Page, server: Served) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(server.link)
    page.get_by_role("button", name="keys").click()
    sheet = page.get_by_role("dialog")
    assert sheet.evaluate("each => each.scrollHeight <= each.clientHeight")
    expect(sheet.get_by_role("heading", level=3)).to_have_text(["everywhere", "on what has the focus"])


def test_who_has_chosen_nothing_is_told_what_is_where(page: Page, server: Served) -> None:
    page.goto(server.link)
    inspector = page.get_by_role("region", name="inspector")
    expect(inspector.get_by_role("term")).to_have_text(["signal path", "strip", "turn", "timeline", "?"])
    page.goto(f"{server.link}#unit=1&tab=unit")
    expect(inspector.get_by_role("term")).to_have_count(0)
