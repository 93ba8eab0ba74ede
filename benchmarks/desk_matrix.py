"""A matrix of 4096 × 16384 weights in a real browser: its first tile, new levels, and frames while it moves.

Debian's Chromium without a window and without a graphics card draws everything on the processor, which the
server shares with it.
"""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import torch
from browsing import chromium, desk_of
from playwright.sync_api import Browser, Locator, Page, sync_playwright
from reporting import Row, markdown
from torch import nn

from weightdesk import watch

ROWS, COLUMNS = 4096, 16384
SECONDS = 3.0
DRAWN = "[aria-label='all weights'] [aria-busy=false] canvas"
# once a frame an event of a hand that moves: when the picture was drawn anew
FRAMES = """async ([canvas, seconds, move]) => {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const draw = CanvasRenderingContext2D.prototype.putImageData;
  const drawn = [];
  let now = await new Promise(done => requestAnimationFrame(done));
  CanvasRenderingContext2D.prototype.putImageData = function (...given) {
    draw.apply(this, given);
    if (drawn.at(-1) !== now) drawn.push(now);
  };
  for (const begun = now; now - begun < 1000 * seconds; ) {
    const next = new Promise(done => requestAnimationFrame(at => done(now = at)));
    move(canvas, (now - begun) / 1000, left + width / 2, top + height / 2);
    await next;
  }
  CanvasRenderingContext2D.prototype.putImageData = draw;
  return drawn;
}"""
ZOOM = """(canvas, gone, clientX, clientY) => canvas.dispatchEvent(new WheelEvent('wheel', {
  deltaY: gone % 2 < 1 ? -40 : 40, clientX: clientX + 40 * Math.sin(gone), clientY,
  bubbles: true, cancelable: true,
}))"""
PAN = """(canvas, gone, x, y) => canvas.dispatchEvent(new PointerEvent('pointermove', {
  pointerId: 1, clientX: x + 90 * Math.sin(4 * gone), clientY: y + 60 * Math.sin(3 * gone), bubbles: true,
}))"""
LEVEL = """async ([canvas, x, y, turn]) => {
  const { left, top } = canvas.getBoundingClientRect();
  const begun = performance.now();
  const about = { deltaY: turn, clientX: left + x, clientY: top + y, bubbles: true, cancelable: true };
  canvas.dispatchEvent(new WheelEvent('wheel', about));
  await new Promise(done => setTimeout(done));
  if (canvas.parentElement.ariaBusy === 'false') return null; // nothing that was not there already
  do await new Promise(done => requestAnimationFrame(done));
  while (canvas.parentElement.ariaBusy === 'true');
  return performance.now() - begun;
}"""


def main() -> int:
    """Measure all of it and print the rows."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        run = recorded(Path(folder) / "large")
        with desk_of(run) as link:
            print(markdown(looking(chromium(playwright), link)))
    return 0


def recorded(path: Path) -> str:
    """The run of one step of a layer."""
    model = nn.Sequential(nn.Linear(COLUMNS, ROWS))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, path, every=1, cost=None):
        model(torch.randn(4, COLUMNS)).square().mean().backward()
        optimizer.step()
    return str(path)


def looking(browser: Browser, link: str) -> Iterator[Row]:
    """One person's visit."""
    size = f"{ROWS} × {COLUMNS} matrix"
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    start = time.perf_counter()
    page.goto(f"{link}#tab=layer", wait_until="commit")
    page.locator(DRAWN).wait_for()
    yield Row(f"{size}: from the link to the first tile", f"{time.perf_counter() - start:.2f} s")
    waited = sorted(each for each in levels(page.locator(DRAWN)) if each is not None)
    middle, late = statistics.median(waited), waited[-1]
    yield Row(f"{size}: a new level, median of {len(waited)}", f"{middle:.0f} ms", "≤ 150 ms", middle <= 150)
    yield Row(f"{size}: a new level, the longest", f"{late:.0f} ms", "≤ 150 ms", late <= 150)
    yield from frames(page, f"{size}: zoom", ZOOM)
    begin_to_drag(page)
    yield from frames(page, f"{size}: pan", PAN)


def levels(canvas: Locator) -> Iterator[float | None]:
    """Milliseconds until all of what is twice as near is drawn; None where that needs no new tile."""
    handle, twice = canvas.element_handle(), -300 * math.log(2)
    for x, y in ((30, 40), (220, 60), (140, 150), (60, 170), (250, 120)):
        for _ in range(8):
            yield canvas.evaluate(f"(_, given) => ({LEVEL})(given)", [handle, x, y, twice])
        canvas.press("0")


def begin_to_drag(page: Page) -> None:
    """As near as a cell is few weights, so that new tiles come into sight all the time."""
    box = page.locator(DRAWN).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.keyboard.press("0")
    page.mouse.wheel(0, -700)
    page.mouse.down()


def frames(page: Page, what: str, move: str) -> Iterator[Row]:
    """Pictures drawn a second while a hand moves, and the longest pause between two."""
    canvas = page.locator(DRAWN).element_handle()
    drawn = page.evaluate(f"([canvas, seconds]) => ({FRAMES})([canvas, seconds, {move}])", [canvas, SECONDS])
    pauses = [after - before for before, after in pairwise(drawn)]
    rate = len(pauses) / (sum(pauses) / 1000)
    yield Row(what, f"{rate:.0f} frames/s", "≥ 50 frames/s", rate >= 50)
    yield Row(f"{what}, the longest pause between frames", f"{max(pauses):.0f} ms")


if __name__ == "__main__":
    sys.exit(main())
