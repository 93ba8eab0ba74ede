"""Nothing on the page shuts anybody out: axe-core finds no serious violation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from served import Served

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
STATES = {
    "as it opens": "",
    "a unit": "#unit=1&tab=unit",
    "a layer": "#layer=hidden2&tab=layer",
    "a part is looped": "#loop=2-4",
    "turned": "#turns=mute%20hidden1%5B5%5D&step=3",
}


def violations(page: Page) -> list[str]:
    """What axe-core calls serious or critical, with the places."""
    page.evaluate(AXE.read_text(encoding="utf-8"))  # the page's policy lets no other script in
    found: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{each['id']}: {each['help']}: {[node['target'] for node in each['nodes']]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_serious(page: Page, server: Served, state: str, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{server.link}{STATES[state]}")
    page.locator("main.weightdesk .columns").wait_for()
    page.wait_for_load_state("networkidle")
    assert violations(page) == []


def test_axe_would_find_something(page: Page, server: Served) -> None:
    page.goto(server.link)
    page.locator("main.weightdesk .columns").wait_for()
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert any("button-name" in each for each in violations(page))
