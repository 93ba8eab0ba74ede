"""The desk in a real JupyterLab: shown by a cell, answered by its kernel, keeping its keys to itself."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from weightdesk.training import Recipe, train

pytestmark = pytest.mark.heavy

WAIT = 60_000  # milliseconds; a kernel imports torch meanwhile
KERNEL_GONE = "the kernel that answered this desk is gone: run its cell again"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notebook beside a run."""
    place = tmp_path_factory.mktemp("notebook")
    train(Recipe.create("xor", steps=20), place / "runs" / "xor")
    code = 'import weightdesk as wd; wd.show("runs/xor")'
    if built := os.environ.get("WEIGHTDESK_STATIC"):  # where vite built it to, too
        code = (
            f"import pathlib, weightdesk.server.page as page; page.STATIC = pathlib.Path({built!r})\n{code}"
        )
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)], metadata=kernel)
    nbformat.write(notebook, place / "desk.ipynb")
    return place


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """A JupyterLab of its own, with no settings of the user's."""
    token = secrets.token_hex()
    home = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    command = [
        sys.executable, "-m", "jupyter", "lab", "--no-browser", "--port=0", "--ip=127.0.0.1", "--allow-root",
        f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    environment = os.environ | {name: str(folder / each) for name, each in home.items()}
    log = folder / "jupyter.log"
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out, env=environment) as server:
        try:
            yield f"{_base(server, log)}/lab/tree/desk.ipynb?token={token}"
        finally:
            server.terminate()
            server.wait(30)


def _base(server: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(600):
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
        if found:
            return found[0]
        assert server.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture
def page() -> Iterator[Page]:
    """A page of the system's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser.new_page(viewport={"width": 1600, "height": 1300})
        browser.close()


def test_a_cell_shows_the_desk(address: str, page: Page) -> None:
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    desk = _shown(page, address)
    _check_keys(page, desk)
    _check_colours(page)
    _check_restart(page, desk)
    assert not failures


def _shown(page: Page, address: str) -> Locator:
    page.goto(address)
    _await_kernel(page)
    page.locator(".jp-Cell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    desk = page.locator(".jp-OutputArea-output .weightdesk")
    expect(desk.locator(".columns")).to_be_visible(timeout=WAIT)
    expect(desk).to_contain_text("xor")
    return desk


def _await_kernel(page: Page) -> None:
    expect(page.get_by_text("(ipykernel) | Idle")).to_be_visible(timeout=WAIT)


def _check_keys(page: Page, desk: Locator) -> None:
    """Keys on a knob turn it; JupyterLab would go to another cell, and delete this one."""
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    knob = desk.get_by_role("slider").first
    before = knob.get_attribute("aria-valuetext")
    assert before is not None
    knob.focus()
    page.keyboard.press("ArrowUp")
    expect(knob).not_to_have_attribute("aria-valuetext", before)
    expect(knob).to_be_focused()
    page.keyboard.type("dd")
    desk.locator("header .name").click()  # nothing that takes keys, but the desk has them
    page.keyboard.type("dd")
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    expect(desk).to_be_visible()


def _check_colours(page: Page) -> None:
    """As light or dark as the notebook, at once."""
    ground = "getComputedStyle(document.querySelector('.weightdesk')).backgroundColor"
    for theme, colour in (("false", "rgb(21, 23, 28)"), ("true", "rgb(243, 244, 247)")):
        page.evaluate(f"document.body.dataset.jpThemeLight = '{theme}'")
        page.wait_for_function(f"{ground} === '{colour}'", timeout=5_000)


def _check_restart(page: Page, desk: Locator) -> None:
    """A desk whose kernel is gone says so instead of waiting."""
    page.get_by_title("Restart the kernel").first.click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    knob = desk.get_by_role("slider").first
    _await_kernel(page)
    knob.focus()
    page.keyboard.press("ArrowUp")
    expect(desk).to_contain_text(KERNEL_GONE, timeout=WAIT)
