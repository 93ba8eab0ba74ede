"""The desk in a real browser: opening, turning, replaying, and the file on its own.

Debian's Chromium without a window and without a graphics card draws everything on the processor, which the
server and the network share with it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import turn
from browsing import READY, chromium, desk_of, opened
from playwright.sync_api import Browser, sync_playwright
from reporting import Row, markdown
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from weightdesk import open_run, watch
from weightdesk.report import write_report
from weightdesk.server.session import Session
from weightdesk.training import Recipe, train

TURN = """async ([times, ready]) => {
  const knob = document.querySelector('[role=slider][aria-label*="["]');
  const outputs = document.querySelector(ready);
  const plain = window.fetch;
  let asked = null, answered = null; // what the network was asked since the last turn, and what it answered
  window.fetch = async (url, options) => {
    const heard = String(url).endsWith('/ask/heard');
    if (heard) asked = options.body;
    const response = await plain(url, options);
    const whole = await response.arrayBuffer();
    if (heard) answered = options.body;
    return new Response(whole, { status: response.status, headers: response.headers });
  };
  const waited = [];
  // up and up: what was asked before is answered from memory
  for (let turn = 0; turn < times; turn++) {
    const begun = performance.now();
    asked = null;
    const drawn = new Promise(done => {
      const seen = new MutationObserver(() => {
        if (asked === null || answered !== asked) return;
        seen.disconnect();
        requestAnimationFrame(() => done());
      });
      seen.observe(outputs, { subtree: true, characterData: true, attributes: true, childList: true });
    });
    knob.dispatchEvent(new KeyboardEvent('keydown', { key: 'PageUp', bubbles: true }));
    await Promise.race([drawn, new Promise(done => setTimeout(done, 1000))]);
    waited.push(performance.now() - begun);
    await new Promise(done => setTimeout(done, 30));
  }
  window.fetch = plain;
  return waited;
}"""
FRAMES = """async (scrolled) => {
  const times = [];
  const until = performance.now() + 3000;
  const row = scrolled && document.querySelector(scrolled).parentElement;
  await new Promise(done => requestAnimationFrame(function next(now) {
    times.push(now);
    if (row) row.scrollLeft += 60;
    if (performance.now() < until) requestAnimationFrame(next); else done();
  }));
  return (times.length - 1) / ((times.at(-1) - times[0]) / 1000);
}"""


def main() -> int:
    """Measure all of it and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    steps = parser.parse_args().steps
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = chromium(playwright)
        place = Path(folder)
        large = Recipe.create("digits", network="mlp", layers=(1000, 900), steps=steps)
        rows = [*opening(browser, train(large, place / "large").directory, steps)]
        for network in (mlp, cnn):
            rows += turning(browser, recorded(network, place / network.__name__), network)
        rows += scrolling(browser, recorded(wide, place / "wide"))
        digits = train(
            Recipe.create("digits", network="cnn", steps=300), place / "digits", cost=0.2
        ).directory
        rows += [*replaying(browser, digits), *exported(browser, digits, place / "digits.html")]
    print(markdown(rows))
    return 0


def opening(browser: Browser, run: str, steps: int) -> Iterator[Row]:
    """The time from the click on the link to the screen and to the outputs."""
    weights = sum(each.size for each in open_run(run).parameters.values())
    with desk_of(run) as link:
        page = browser.new_page()
        start = time.perf_counter()
        page.goto(link, wait_until="commit")
        page.locator(".columns").first.wait_for()
        painted = time.perf_counter() - start
        page.locator(READY).wait_for()
        usable = time.perf_counter() - start
        page.close()
    what = f"open a run of {weights:,} weights, {steps:,} steps"
    yield Row(f"{what}: first paint", f"{painted:.2f} s", "≤ 1.0 s", painted <= 1)
    yield Row(f"{what}: whole desk usable", f"{usable:.2f} s", "≤ 2.0 s", usable <= 2)


def mlp() -> dict[str, Any]:
    """As `weightdesk open --network` asks for it; the same network as in `turn.py`."""
    return _known(turn.mlp)


def cnn() -> dict[str, Any]:
    """Likewise."""
    return _known(turn.cnn)


def _known(make: Callable[[], turn.Subject]) -> dict[str, Any]:
    torch.manual_seed(0)
    subject = make()
    names = [str(each) for each in range(10)]
    return {
        "model": subject.model, "inputs": subject.inputs, "targets": subject.targets, "class_names": names,
    }  # fmt: skip


def recorded(network: Callable[[], dict[str, Any]], path: Path) -> str:
    """A run of one step."""
    model, inputs, targets = (network()[each] for each in ("model", "inputs", "targets"))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer, path):
        cross_entropy(model(inputs[:64]), targets[:64]).backward()
        optimizer.step()
    return str(path)


def turning(browser: Browser, run: str, network: Callable[[], dict[str, Any]]) -> list[Row]:
    """The time from a key on a knob to the outputs on screen, with all that the page draws besides."""
    name = network.__name__
    index = _audible(**network())
    first = next(iter(open_run(run).parameters.values()))
    layer, weight = first.name.rpartition(".")[0], ",".join(map(str, index))
    with desk_of(run, "--network", f"{__file__}:{name}") as link:
        page = opened(browser, f"{link}#layer={layer}&unit={index[0]}&weight={weight}&tab=layer")
        page.wait_for_timeout(5000)
        waited = sorted(page.evaluate(TURN, [220, READY])[20:])
        page.close()
    median, late = statistics.median(waited), waited[int(0.95 * len(waited))]
    return [
        Row(f"turn a knob, {name}: median", f"{median:.0f} ms", "≤ 33 ms", median <= 33),
        Row(f"turn a knob, {name}: 95 of 100 within", f"{late:.0f} ms", "≤ 60 ms", late <= 60),
        Row(f"turn a knob, {name}: longest", f"{waited[-1]:.0f} ms", "never frozen", waited[-1] <= 250),
    ]


def _audible(model: nn.Sequential, inputs: Tensor, **_: Any) -> list[int]:
    """A weight of the first layer that is heard on the first example, the more the higher it is turned."""
    with torch.no_grad():
        unit = model[0](inputs[:1])[0].flatten(1 if inputs.ndim > 2 else 0)
    strongest = int(unit.argmax() if unit.ndim == 1 else unit.amax(1).argmax())
    return [strongest, *([int(inputs[0].argmax())] if inputs.ndim == 2 else [0, 0, 0])]


def replaying(browser: Browser, run: str) -> Iterator[Row]:
    """Frames a second while the training is played."""
    with desk_of(run) as link:
        page = opened(browser, f"{link}#step=0&tab=layer")
        page.get_by_role("button", name="play", exact=True).click()
        frames = page.evaluate(FRAMES)
        page.close()
    yield Row("replay the digits cnn", f"{frames:.0f} frames/s", "≥ 30 frames/s", frames >= 30)


def wide() -> dict[str, Any]:
    """As `weightdesk open --network` asks for it: a layer of thousands of units."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 4096), nn.ReLU(), nn.Linear(4096, 10))
    names = [str(each) for each in range(10)]
    inputs, targets = torch.randn(200, 64), torch.randint(10, (200,))
    return {"model": model, "inputs": inputs, "targets": targets, "class_names": names}


def scrolling(browser: Browser, run: str) -> Iterator[Row]:
    """Frames a second while a row of thousands of strips is scrolled, by 60 points a frame."""
    with desk_of(run, "--network", f"{__file__}:wide") as link:
        page = opened(browser, f"{link}#layer=0&tab=layer")
        page.wait_for_timeout(3000)
        frames = page.evaluate(FRAMES, "[role=list][aria-label='units of 0']")
        page.close()
    yield Row("scroll 4,096 strips", f"{frames:.0f} frames/s", "≥ 50 frames/s", frames >= 50)


def exported(browser: Browser, run: str, path: Path) -> Iterator[Row]:
    """Size of the file on its own, and how long it takes to open."""
    write_report(Session(open_run(run)), path)
    size = path.stat().st_size / 1e6
    start = time.perf_counter()
    page = opened(browser, path.as_uri())
    took = time.perf_counter() - start
    page.close()
    yield Row("exported HTML of the digits run", f"{size:.1f} MB", "≤ 10 MB", size <= 10)
    yield Row("exported HTML: opens and answers", f"{took:.2f} s", "≤ 2 s", took <= 2)


if __name__ == "__main__":
    sys.exit(main())
