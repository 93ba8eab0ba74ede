"""The tree of a network too large to draw: searched, read and walked by keys as if all of it were there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest
import torch
from playwright.sync_api import Locator, Page, expect
from served import Served, served
from test_accessibility import violations
from torch import nn
from watching import address

from weightdesk import open_run, watch
from weightdesk.runs import Run
from weightdesk.server.session import Session

BLOCKS = 60
STEPS = 6
UNUSED = "blocks.41.unused"
ABOUT = re.compile(r"update ratio.*?: (\S+) → (\S+?),")
RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


class Block(nn.Module):
    def __init__(self, *, is_odd: bool) -> None:
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(4), nn.Linear(4, 6), nn.Linear(6, 4)
        self.gain = nn.Parameter(torch.ones(()))
        if is_odd:
            self.unused = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        moved: torch.Tensor = self.down(torch.relu(self.up(self.norm(x))))
        return x + self.gain * moved / BLOCKS


@pytest.fixture(scope="module")
def large_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A training whose 41st block has a layer that nothing uses."""
    torch.manual_seed(0)
    model = nn.Sequential()
    model.add_module("blocks", nn.Sequential(*(Block(is_odd=each == 41) for each in range(BLOCKS))))
    model.add_module("head", nn.Linear(4, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    inputs, targets = torch.randn(16, 4), torch.randint(0, 3, (16,))
    place = tmp_path_factory.mktemp("runs") / "large"
    with watch(model, optimizer, place, cost=None) as recording:
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()
            recording.log(loss=loss)
    return open_run(place)


@pytest.fixture(scope="module")
def server(built: object, large_run: Run) -> Iterator[Served]:
    with served(Session(large_run)) as running:
        yield running


@pytest.fixture
def tree(page: Page, server: Served) -> Locator:
    page.goto(server.link)
    found = page.get_by_role("tree", name="modules")
    found.wait_for()
    return found


def line(tree: Locator, path: str) -> Locator:
    return tree.locator(f'[role=treeitem][title^="{path} "]')


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.title.split(' ')[0]"))


def layer_in(page: Page) -> str:
    return parse_qs(address(page).partition("#")[2])["layer"][0]


def number(text: str) -> float:
    plain = text.replace("−", "-").replace(",", "")
    mantissa, _, power = plain.partition("·10")
    return float(mantissa) * 10.0 ** int(power.translate(RAISED) or 0)


def test_only_what_is_in_view_is_drawn(tree: Locator, large_run: Run) -> None:
    assert len(large_run.parameters) > 400
    assert tree.get_by_role("treeitem").count() < 60
    room = tree.bounding_box()
    assert room is not None
    assert room["height"] > 24 * len(large_run.parameters)


def test_a_search_finds_what_was_not_drawn(page: Page, tree: Locator) -> None:
    expect(line(tree, "blocks.57.up")).to_have_count(0)
    page.get_by_role("searchbox", name="find a layer").fill("57.up")
    expect(line(tree, "blocks.57.up")).to_be_visible()
    expect(tree.get_by_role("treeitem")).to_have_count(5)  # with two modules around it and its two parameters
    page.get_by_role("searchbox").press("ArrowDown")
    page.keyboard.press("Enter")
    assert layer_in(page) == "blocks.57.up"
    expect(page.get_by_role("tabpanel").get_by_role("heading", level=2)).to_have_text("blocks.57.up")


def test_keys_walk_the_tree_and_keep_the_focus(page: Page, tree: Locator) -> None:
    tree.get_by_role("treeitem").first.focus()
    page.keyboard.press("End")
    assert focused(page) == "head.bias"
    page.keyboard.press("ArrowLeft")
    assert focused(page) == "head"
    tree.hover()
    page.mouse.wheel(0, -100_000)
    expect(line(tree, "blocks.0")).to_be_in_viewport()
    assert focused(page) == "head", "the focus went away with what was scrolled out of view"
    page.keyboard.press("Home")
    assert focused(page) == "blocks"
    page.keyboard.press("ArrowLeft")
    expect(line(tree, "blocks")).to_have_attribute("aria-expanded", "false")
    expect(tree.get_by_role("treeitem")).to_have_count(4)
    page.keyboard.press("ArrowRight")
    expect(line(tree, "blocks")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowRight")
    assert focused(page) == "blocks.0"


def test_a_layer_chosen_elsewhere_comes_into_view(page: Page, server: Served) -> None:
    page.goto(f"{server.link}#layer=blocks.33.down")
    tree = page.get_by_role("tree", name="modules")
    expect(line(tree, "blocks.33.down")).to_be_in_viewport()
    expect(line(tree, "blocks.33.down")).to_have_attribute("aria-selected", "true")
    page.locator("body").press(".")
    expect(line(tree, "blocks.34.gain")).to_have_attribute("aria-selected", "true")


def test_a_parameter_that_is_one_number_can_be_chosen(page: Page, tree: Locator) -> None:
    line(tree, "blocks.0.gain").click()
    assert layer_in(page) == "blocks.0.gain"
    expect(page.get_by_role("tabpanel").get_by_role("heading", level=2)).to_have_text("blocks.0.gain")


def test_a_series_is_that_of_the_run(tree: Locator, large_run: Run) -> None:
    for name in ("blocks.0.up.weight", "blocks.0.gain"):
        drawn = line(tree, name)
        expect(drawn).to_have_attribute("title", ABOUT)
        told = ABOUT.search(drawn.get_attribute("title") or "")
        series = large_run.series(name, "update", "update_ratio")
        assert told
        assert [number(each) for each in told.groups()] == pytest.approx(
            [series.values[0].item(), series.values[-1].item()], rel=0.06
        )


def test_a_module_has_the_series_of_all_in_it(page: Page, tree: Locator) -> None:
    for name in ("blocks", "blocks.2"):
        expect(line(tree, name)).to_have_attribute("title", re.compile("of all in it"))
        drawn = line(tree, name).locator("path").get_attribute("d") or ""
        assert drawn.count("L") == STEPS - 1


def test_what_is_wrong_is_marked_on_its_line_on_all_around_it_and_in_the_layer_tab(
    page: Page, tree: Locator
) -> None:
    said = f"trainable, but moved in none of the {STEPS} recorded steps"
    mark = line(tree, "blocks").get_by_role("img", name=re.compile("^warning: "))
    expect(mark).to_have_attribute(
        "aria-label", f"warning: {UNUSED}.weight: {said} · 2 parameters with warnings"
    )
    page.get_by_role("searchbox", name="find a layer").fill(UNUSED)
    expect(line(tree, f"{UNUSED}.weight").get_by_role("img", name=f"warning: {said}")).to_be_visible()
    line(tree, UNUSED).click()
    warnings = page.get_by_role("tabpanel").get_by_role("list", name="warnings")
    expect(warnings.get_by_role("listitem")).to_have_text(
        [f"! {UNUSED}.weight: {said}", f"! {UNUSED}.bias: {said}"]
    )
    page.get_by_role("searchbox").fill("blocks.3.up")
    line(tree, "blocks.3.up").click()
    expect(page.get_by_role("tabpanel").get_by_role("heading", level=2)).to_have_text("blocks.3.up")
    expect(warnings).to_have_count(0)


@pytest.mark.parametrize("key", ["ArrowRight", "ArrowLeft"])
def test_the_gradient_of_each_layer_is_read_out(page: Page, tree: Locator, large_run: Run, key: str) -> None:
    line(tree, "blocks.0.down").click()
    flow = page.get_by_role("slider", name=re.compile("^gradient of each layer"))
    flow.focus()
    flow.press(key)
    name = {"ArrowRight": "blocks.1.gain", "ArrowLeft": "blocks.0.up"}[key]
    text = flow.get_attribute("aria-valuetext") or ""
    assert text.startswith(f"{name}, layer ")
    weight = name if name.endswith("gain") else f"{name}.weight"
    expected = large_run.series(weight, "gradient", "rms").values[-1].item()
    assert number(text.rpartition(": ")[2]) == pytest.approx(expected, rel=1e-3)
    flow.press("Enter")
    assert layer_in(page) == name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(page: Page, server: Served, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(f"{server.link}#layer={UNUSED}&tab=layer")
    page.get_by_role("tabpanel").get_by_role("list", name="warnings").wait_for()
    page.get_by_role("slider", name=re.compile("^distribution of the weights through")).wait_for()
    assert violations(page) == []
