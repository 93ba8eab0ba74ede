"""Knobs and faders under a hand: dragged, scrolled, typed, nudged, put back."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect
from served import Served
from watching import WAIT, address

from weightdesk.runs import Run
from weightdesk.server.questions.importance import ImportanceQuestion
from weightdesk.server.session import Session

UNIT = 3


@pytest.fixture
def strips(page: Page, server: Served) -> Page:
    """The desk with the second layer on its strips, and answers on screen."""
    page.goto(f"{server.link}#layer=hidden2&step=6")
    expect(page.get_by_role("group", name="classes")).to_be_visible(timeout=WAIT)
    expect(page.get_by_role("slider", name=f"bias of unit {UNIT}")).not_to_have_attribute(
        "aria-valuetext", "not known"
    )
    return page


def turns(page: Page) -> list[str]:
    """The turns that the address tells."""
    found = parse_qs(urlsplit(address(page)).fragment).get("turns", [""])[0]
    return [each for each in found.split(";") if each]


def number(turn: str) -> float:
    return float(re.split(r"[= ]", turn)[-1])


def drag(page: Page, knob: Locator, up: int, *, finer: bool = False) -> None:
    """Press in the middle of it, move up in small steps, let go."""
    box = knob.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    if finer:
        page.keyboard.down("Shift")
    for each in range(1, abs(up) + 1):
        page.mouse.move(x, y - each * (1 if up > 0 else -1))
    if finer:
        page.keyboard.up("Shift")
    page.mouse.up()


def test_a_drag_turns_a_bias_up_and_is_one_step_to_undo(strips: Page, digits_run: Run) -> None:
    knob = strips.get_by_role("slider", name=f"bias of unit {UNIT}")
    before = digits_run.weights("hidden2.bias", 6)[UNIT].item()
    drag(strips, knob, 30)
    expect(strips).to_have_url(re.compile("turns="))
    (turn,) = turns(strips)
    assert turn.startswith(f"hidden2.bias[{UNIT}]=")
    assert number(turn) > before
    strips.get_by_role("button", name="undo").click()
    expect(strips).not_to_have_url(re.compile("turns="))


def test_with_shift_a_drag_is_ten_times_finer(strips: Page, digits_run: Run) -> None:
    knob = strips.get_by_role("slider", name=f"bias of unit {UNIT}")
    before = digits_run.weights("hidden2.bias", 6)[UNIT].item()
    drag(strips, knob, 30)
    coarse = number(turns(strips)[0]) - before
    knob.dblclick()
    expect(strips).not_to_have_url(re.compile("turns="))
    drag(strips, knob, 30, finer=True)
    fine = number(turns(strips)[0]) - before
    assert coarse / fine == pytest.approx(10, rel=0.15)


def test_a_fader_scales_its_unit_and_a_double_click_puts_it_back(strips: Page) -> None:
    fader = strips.get_by_role("slider", name=f"gain of unit {UNIT}")
    drag(strips, fader, -20)
    (turn,) = turns(strips)
    assert turn.startswith(f"scale hidden2[{UNIT}] ")
    assert number(turn) < 1
    fader.dblclick()
    expect(strips).not_to_have_url(re.compile("turns="))


def test_a_weight_of_a_strip_is_chosen_and_dragged_in_one_go(strips: Page, digits_run: Run) -> None:
    picture = strips.get_by_role("slider", name=f"weights of unit {UNIT}", exact=True)
    drag(strips, picture, 25)
    expect(strips).to_have_url(re.compile("turns="))
    (turn,) = turns(strips)
    found = re.fullmatch(r"hidden2\.weight\[3,(\d+)\]=(\S+)", turn)
    assert found, turn
    weights = digits_run.weights("hidden2.weight", 6)
    assert float(found[2]) > weights[UNIT, int(found[1])].item()
    expect(strips).to_have_url(re.compile(rf"weight=3%2C{found[1]}\b"))


def test_arrow_keys_and_the_wheel_turn_a_chosen_weight(strips: Page) -> None:
    picture = strips.get_by_role("slider", name=f"weights of unit {UNIT}", exact=True)
    picture.click()
    weight = strips.get_by_role("slider", name=re.compile(r"hidden2\.weight\[3,\d+\]")).first
    weight.press("ArrowUp")
    expect(strips).to_have_url(re.compile("turns="))
    once = number(turns(strips)[0])
    weight.press("ArrowUp")
    expect(strips).not_to_have_url(re.compile(f"%3D{re.escape(str(once))}(&|$)"))
    twice = number(turns(strips)[0])
    assert twice > once
    weight.hover()
    strips.mouse.wheel(0, 100)
    expect(strips).not_to_have_url(re.compile(f"%3D{re.escape(str(twice))}(&|$)"))
    assert number(turns(strips)[0]) == pytest.approx(once, abs=1e-6)


def test_strips_are_sorted_by_importance_as_python_ranks_them(strips: Page, digits_run: Run) -> None:
    question = ImportanceQuestion(parameter="hidden2.weight", step=6, level="unit")
    values = question.answer(Session(digits_run)).values.tolist()
    strips.get_by_role("combobox", name="by").select_option("importance")
    ranked = sorted(range(len(values)), key=lambda unit: -values[unit])
    first = strips.get_by_role("list", name="units of hidden2").get_by_role("listitem").first
    expect(first.get_by_role("button", name=f"unit {ranked[0]}", exact=True)).to_be_visible(timeout=WAIT)
    expect(strips).to_have_url(re.compile("sort=importance"))


def test_a_muted_unit_keeps_the_bias_that_it_will_have_again(strips: Page) -> None:
    knob = strips.get_by_role("slider", name=f"bias of unit {UNIT}")
    before = knob.get_attribute("aria-valuetext")
    strips.get_by_role("button", name=f"mute unit {UNIT}", exact=True).click()
    expect(strips.get_by_role("button", name=f"unit {UNIT}, silent")).to_be_visible()
    strips.wait_for_timeout(1000)  # until the weights with the turn are there
    assert knob.get_attribute("aria-valuetext") == before
