"""The layer's matrix: each pixel, each readout and each choice against the run."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, Page, expect
from served import Served, served
from torch import nn
from watching import address

from weightdesk import open_run, watch
from weightdesk.runs import Run
from weightdesk.server.session import Session
from weightdesk.statistics.coarsening import coarsened

NAME, ROWS, COLUMNS = "0.weight", 2000, 2100
PIXELS = """canvas => {
  const { width, height } = canvas;
  const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  return { width, height, data: [...copy.getImageData(0, 0, width, height).data] };
}"""
PALETTE = """canvas => ['neutral', 'positive', 'negative'].map(name => {
  const probe = canvas.parentElement.appendChild(document.createElement('span'));
  probe.style.color = `var(--${name})`;
  const found = getComputedStyle(probe).color.match(/[\\d.]+/g).map(Number);
  probe.remove();
  return found;
})"""
BLANKS = """async ([canvas, frames]) => {
  const copy = new OffscreenCanvas(canvas.width, 1).getContext('2d', { willReadFrequently: true });
  let blank = 0;
  for (let frame = 0; frame < frames; frame++) {
    await new Promise(done => requestAnimationFrame(done));
    copy.clearRect(0, 0, canvas.width, 1);
    copy.drawImage(canvas, 0, -canvas.height / 2);
    const { data } = copy.getImageData(0, 0, canvas.width, 1);
    blank += data.some((each, at) => at % 4 === 3 && each === 0);
  }
  return blank;
}"""


@pytest.fixture(scope="module")
def large_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two steps of somebody's own loop over a layer that is too large to be sent whole."""
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(COLUMNS, ROWS))
    optimizer = torch.optim.SGD(model.parameters(), lr=5.0)
    path = tmp_path_factory.mktemp("runs") / "large"
    with watch(model, optimizer, path, every=1, cost=None):
        for _ in range(2):
            optimizer.zero_grad()
            model(torch.randn(4, COLUMNS)).square().mean().backward()
            optimizer.step()
    return open_run(path)


@pytest.fixture(scope="module")
def large(built: Path, large_run: Run) -> Iterator[Served]:
    with served(Session(large_run)) as running:
        yield running


def matrix(page: Page) -> Locator:
    """The picture, drawn."""
    found = page.get_by_role("region", name="all weights").get_by_role("slider")
    expect(found).to_be_visible()
    expect(found.locator("xpath=..")).to_have_attribute("aria-busy", "false")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return found


def read(page: Page) -> tuple[list[list[int]], float]:
    """Which weights are read out, from one to another along each axis, and their number."""
    told = matrix(page).get_attribute("aria-valuetext") or ""
    found = re.match(r"\[(.*)\] ([+−]?[\d.]+)(?:·10(⁻?)(.))?;", told)
    assert found, told
    ranges = [[int(each) for each in part.split("…")] for part in found[1].split(", ")]
    return [[each[0], each[-1]] for each in ranges], float(found[2].replace("−", "-"))


def farthest(weights: torch.Tensor, ranges: list[list[int]]) -> float:
    """The number farthest from 0 of all weights in these ranges."""
    (top, bottom), (left, right) = ranges
    part = weights[top : bottom + 1, left : right + 1]
    return float(part.flatten()[part.abs().argmax()])


def expected(weights: torch.Tensor, scales: tuple[float, float], palette: Any) -> np.ndarray[Any, Any]:
    """The picture of all of a matrix whose weights are so many pixels high and wide."""
    levels = [max(0, math.ceil(-math.log2(scale) - 1e-9)) for scale in scales]
    cells = coarsened(weights, *(2**level for level in levels)).numpy()
    places = [
        np.floor((np.arange(math.ceil(size * scale)) + 0.5) / scale).astype(int) >> level
        for size, scale, level in zip(weights.shape, scales, levels, strict=True)
    ]
    shown = cells[np.ix_(*(each[each < size] for each, size in zip(places, cells.shape, strict=True)))]
    neutral, positive, negative = (np.array(each) for each in palette)
    share = np.sqrt(np.abs(shown) / float(weights.abs().max()))[..., None]
    found: np.ndarray[Any, Any] = (
        neutral + (np.where(shown[..., None] < 0, negative, positive) - neutral) * share
    )
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("what", ["small", "large"])
def test_each_pixel_has_the_colour_of_the_weights_under_it(
    page: Page, server: Served, large: Served, scheme: Any, what: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    name, link = ("hidden1.weight", server.link) if what == "small" else (NAME, large.link)
    page.goto(f"{link}#layer={name.removesuffix('.weight')}&tab=layer")
    canvas = matrix(page)
    weights = (server if what == "small" else large).session.run.weights(name, -1)
    drawn = canvas.evaluate(PIXELS)
    width, height = drawn["width"], drawn["height"]
    pixels = np.array(drawn["data"]).reshape(height, width, 4)
    across, down = width / weights.shape[1], height / weights.shape[0]
    wanted = expected(weights, (down, across), canvas.evaluate(PALETTE))
    assert (pixels[..., 3] == 255).all()
    # the last pixel may belong to what is left over at the edge
    assert np.abs(pixels[: height - 1, : width - 1, :3] - wanted[: height - 1, : width - 1]).max() <= 2


def test_the_readout_is_the_weight_or_the_farthest_of_many(page: Page, large: Served, large_run: Run) -> None:
    weights = large_run.weights(NAME, -1)
    page.goto(f"{large.link}#tab=layer")
    canvas = matrix(page)
    sizes = []
    for _ in range(9):
        for x, y in ((37, 61), (150, 99), (201, 180)):
            canvas.hover(position={"x": x, "y": y})
            ranges, value = read(page)
            assert value == pytest.approx(farthest(weights, ranges), rel=1e-3)
            sizes.append(math.prod(last - first + 1 for first, last in ranges))
        page.mouse.wheel(0, -300)
        matrix(page)
    assert sizes[0] > 64
    assert sizes[-1] == 1


def test_a_click_chooses_the_very_weight_that_the_cell_shows(
    page: Page, large: Served, large_run: Run
) -> None:
    page.goto(f"{large.link}#tab=layer")
    canvas = matrix(page)
    canvas.hover(position={"x": 88, "y": 44})
    ranges, _ = read(page)
    canvas.click(position={"x": 88, "y": 44})
    expect(page).to_have_url(re.compile("weight="))
    chosen = re.search(r"weight=(\d+)%2C(\d+)", address(page))
    assert chosen
    row, column = int(chosen[1]), int(chosen[2])
    assert ranges[0][0] <= row <= ranges[0][1]
    assert ranges[1][0] <= column <= ranges[1][1]
    weights = large_run.weights(NAME, -1)
    assert float(weights[row, column]) == farthest(weights, ranges)
    assert f"unit={row}" in address(page)
    page.mouse.move(5, 5)
    expect(canvas).to_have_attribute("aria-valuetext", re.compile(rf"\[{row}, {column}\] "))
    assert read(page)[1] == pytest.approx(float(weights[row, column]), rel=1e-3)


def test_what_is_dragged_stays_under_the_hand(page: Page, large: Served) -> None:
    page.goto(f"{large.link}#tab=layer")
    canvas = matrix(page)
    canvas.hover(position={"x": 130, "y": 100})
    for _ in range(9):
        page.mouse.wheel(0, -300)
    before = read(page)[0]
    box = canvas.bounding_box()
    assert box
    page.mouse.down()
    page.mouse.move(box["x"] + 70, box["y"] + 50, steps=5)
    page.mouse.up()
    expect(page).not_to_have_url(re.compile("weight="))
    page.mouse.move(box["x"] + 71, box["y"] + 51)
    assert read(page)[0] == before
    canvas.dblclick(position={"x": 30, "y": 30})
    expect(page.get_by_role("button", name="fit", exact=True)).to_be_disabled()


def test_keys_move_zoom_choose_and_fit(page: Page, server: Served, digits_run: Run) -> None:
    page.goto(f"{server.link}#layer=hidden1&unit=3&weight=3,5&tab=layer")
    canvas = matrix(page)
    canvas.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "+", "+"):
        canvas.press(key)
    assert read(page)[0] == [[5, 5], [6, 6]]
    assert read(page)[1] == pytest.approx(float(digits_run.weights("hidden1.weight", -1)[5, 6]), rel=1e-3)
    canvas.press("Enter")
    expect(page).to_have_url(re.compile(r"weight=5%2C6\b"))
    canvas.press("0")
    expect(page.get_by_role("button", name="fit", exact=True)).to_be_disabled()


def test_two_fingers_zoom(page: Page, large: Served) -> None:
    page.goto(f"{large.link}#tab=layer")
    box = matrix(page).bounding_box()
    assert box
    touch = page.context.new_cdp_session(page)
    for kind, apart in (("touchStart", 20), ("touchMove", 40), ("touchMove", 80), ("touchMove", 120)):
        fingers = [
            {"x": box["x"] + 130 + side * apart / 2, "y": box["y"] + 100, "id": side + 1} for side in (-1, 1)
        ]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.get_by_role("button", name="fit", exact=True)).to_be_enabled()
    expect(page).not_to_have_url(re.compile("weight="))


@pytest.mark.parametrize("what", ["small", "large"])
def test_it_follows_the_step_without_a_blank(page: Page, server: Served, large: Served, what: str) -> None:
    desk, name = (server, "hidden1.weight") if what == "small" else (large, NAME)
    page.goto(f"{desk.link}#step=2&layer={name.removesuffix('.weight')}&unit=1&weight=1,2&tab=layer")
    canvas = matrix(page)
    assert read(page)[1] == pytest.approx(float(desk.session.run.weights(name, 2)[1, 2]), rel=1e-3)
    blanks = page.evaluate_handle("[]")
    page.evaluate(f"([all, canvas]) => all.push(({BLANKS})([canvas, 60]))", [blanks, canvas.element_handle()])
    page.get_by_role("button", name=re.compile("^−1")).click()
    wanted = float(desk.session.run.weights(name, 1)[1, 2])
    expect(canvas).to_have_attribute("aria-valuetext", re.compile(f"{abs(wanted):.5f}"[:6]))
    assert read(page)[1] == pytest.approx(wanted, rel=1e-3)
    assert page.evaluate("async all => await all[0]", blanks) == 0


def test_a_weight_that_the_layer_does_not_have_is_not_read_out(page: Page, server: Served) -> None:
    page.goto(f"{server.link}#layer=hidden1&unit=1&weight=1,64&tab=layer")
    expect(matrix(page)).to_have_attribute("aria-valuetext", re.compile("^largest ±"))


def test_turns_are_seen(page: Page, server: Served) -> None:
    page.goto(
        f"{server.link}#layer=hidden1&unit=1&weight=1,2&turns=hidden1.weight%5B1%2C2%5D%3D2.5&tab=layer"
    )
    expect(matrix(page)).to_have_attribute("aria-valuetext", re.compile(r"^\[1, 2\] \+2\.500;"))


def test_a_large_layer_is_never_sent_whole(page: Page, large: Served) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.url} {request.post_data}"))
    page.goto(f"{large.link}#tab=layer")
    matrix(page)
    expect(page.get_by_role("slider", name="weights of unit 0")).to_be_visible()
    rows = [each for each in asked if "/ask/weights" in each and NAME in each]
    assert all('"unit":' in each for each in rows)  # of the strips in sight
    assert [each for each in asked if "/ask/tile" in each]
