"""A network of 5,000 parameters on the desk: listed, searched, one of them opened, in Debian's Chromium.

The times end when what was asked for is in a frame on the screen.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import torch
from browsing import chromium, desk_of
from playwright.sync_api import Browser, Page, sync_playwright
from reporting import Row, markdown
from torch import Tensor, nn

from weightdesk import open_run, watch
from weightdesk.types import Kind

STEPS = 200
WIDTH = 8
BLOCKS = 312
DRAWN = "[role=treeitem] path[d^=M]"
ROW = 24  # points of a line at least

WAIT_FOR = """
const shown = (holds) => new Promise(done => {
  const look = () => holds() ? requestAnimationFrame(() => setTimeout(done)) : requestAnimationFrame(look);
  look();
});
const rows = () => [...document.querySelectorAll('[role=treeitem]')];
"""
SEARCH = (
    "async (word) => {"
    + WAIT_FOR
    + """
  const field = document.querySelector('input[type=search]');
  const begun = performance.now();
  field.value = word;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  const fits = (row) => row.title.includes(word) || row.getAttribute('aria-expanded') === 'true';
  await shown(() => rows().length > 0 && rows().every(fits) && rows().some(row => row.title.includes(word)));
  return performance.now() - begun;
}"""
)
OPEN = (
    "async (layer) => {"
    + WAIT_FOR
    + """
  const row = rows().find(row => row.title.startsWith(`${layer} `));
  const begun = performance.now();
  row.click();
  const plot = '[role=tabpanel] section[aria-label="through training"] .u-wrap canvas';
  const heading = () => document.querySelector('[role=tabpanel] h2')?.textContent;
  await shown(() => heading() === layer && document.querySelector(plot));
  return performance.now() - begun;
}"""
)


class Block(nn.Module):
    """A block as a transformer has it, its attention over the features of one example."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = nn.ModuleDict(
            {name: nn.Linear(WIDTH, WIDTH) for name in ("query", "key", "value", "output")}
        )
        self.mlp = nn.ModuleDict({"up": nn.Linear(WIDTH, 2 * WIDTH), "down": nn.Linear(2 * WIDTH, WIDTH)})

    def forward(self, x: Tensor) -> Tensor:
        seen = self.norm1(x)
        query, key, value = (self.attention[name](seen) for name in ("query", "key", "value"))
        x = x + self.attention["output"](torch.softmax(query * key, -1) * value) / BLOCKS**0.5
        return x + self.mlp["down"](torch.relu(self.mlp["up"](self.norm2(x)))) / BLOCKS**0.5


def main() -> int:
    """Measure all of it and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", help="look at this run instead of training one")
    given = parser.parse_args().run
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        run = given or recorded(Path(folder) / "large")
        print(markdown([*listed(chromium(playwright), run)]))
    return 0


def recorded(place: Path) -> str:
    """A training of some 5,000 parameters with statistics of each at every step."""
    torch.manual_seed(0)
    blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
    layers = {"embedding": nn.Linear(WIDTH, WIDTH), "blocks": blocks, "head": nn.Linear(WIDTH, 4)}
    model = nn.Sequential(OrderedDict(layers))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, targets = torch.randn(32, WIDTH), torch.randint(0, 4, (32,))
    kinds: tuple[Kind, ...] = ("weight", "gradient", "update")
    with watch(model, optimizer, place, cost=None, every=50, kinds=kinds) as recording:
        for _ in range(STEPS):
            loss = nn.functional.cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recording.log(loss=loss)
    return str(place)


def listed(browser: Browser, run: str) -> Iterator[Row]:
    """The time to the tree, to its small lines, to what a search finds, and to one layer's series."""
    count = len(open_run(run).parameters)
    with desk_of(run) as link:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        start = time.perf_counter()
        page.goto(link, wait_until="commit")
        page.get_by_role("treeitem").first.wait_for()
        shown = time.perf_counter() - start
        room = page.get_by_role("tree").bounding_box()
        assert room is not None
        assert room["height"] >= ROW * count, "not all parameters have a line"
        page.locator(DRAWN).first.wait_for(state="attached")
        drawn = time.perf_counter() - start
        yield Row(f"{count:,} parameters of {STEPS} steps: listed", f"{shown:.2f} s", "≤ 1 s", shown <= 1)
        yield Row("the same: with a series beside each in view, the first time", f"{drawn:.2f} s")
        page.wait_for_timeout(4000)  # the rest is read for the modules' marks
        words = [f"{block}.{part}" for block in (7, 99, 250) for part in ("mlp.up", "attention.key", "norm1")]
        yield within("search, key to rows on screen", [page.evaluate(SEARCH, word) for word in words])
        yield within("open one, click to its first series", [*opened(page)])
        page.close()


def opened(page: Page) -> Iterator[float]:
    """The times of layers all over the network, none of which was looked at before."""
    for block in range(5, BLOCKS, 31):
        page.evaluate(SEARCH, f"blocks.{block}.mlp.up")
        page.wait_for_timeout(500)
        yield page.evaluate(OPEN, f"blocks.{block}.mlp.up")


def within(what: str, waited: list[float]) -> Row:
    """The median of some times, and the longest."""
    median = statistics.median(waited)
    return Row(what, f"{median:.0f} ms, at most {max(waited):.0f} ms", "≤ 100 ms", median <= 100)


if __name__ == "__main__":
    sys.exit(main())
