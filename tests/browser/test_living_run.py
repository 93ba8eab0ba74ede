"""A run that is still written while it is looked at, and whose training is then killed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from playwright.sync_api import Page, expect
from served import Served, served
from watching import WAIT, until

from weightdesk import open_run
from weightdesk.errors import WeightdeskError
from weightdesk.server.session import Session

LOOP = """
    import sys, time
    import torch
    from torch import nn
    import weightdesk as wd

    torch.manual_seed(0)
    model, inputs = nn.Linear(3, 2), torch.randn(16, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with wd.watch(model, optimizer, sys.argv[1], every=1) as recording:
        while True:
            loss = (model(inputs) - inputs[:, :2]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recording.log(loss=loss)
            time.sleep(0.02)
"""


@pytest.fixture
def training(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A training in a process of its own, with the first snapshots of its run."""
    command = [sys.executable, "-c", textwrap.dedent(LOOP), str(tmp_path / "living")]
    with subprocess.Popen(command) as process:
        try:
            end = monotonic() + 60
            while not snapshots(tmp_path / "living"):
                assert process.poll() is None
                assert monotonic() < end, "the training does not begin"
                sleep(0.1)
            yield process, tmp_path / "living"
        finally:
            process.kill()


def snapshots(path: Path) -> int:
    try:
        return len(open_run(path).steps)
    except (WeightdeskError, OSError):
        return 0


@pytest.fixture
def living(built: Path, training: tuple[subprocess.Popen[bytes], Path]) -> Iterator[Served]:
    """The desk of the training."""
    with served(Session(open_run(training[1]))) as server:
        yield server


def step_of(page: Page) -> int:
    return int(page.get_by_role("slider", name="step").get_attribute("aria-valuenow") or -1)


def until_after(page: Page, step: int) -> None:
    until(page, lambda: step_of(page) > step, 60)


def test_a_training_is_followed_until_it_is_killed(
    living: Served, page: Page, training: tuple[subprocess.Popen[bytes], Path]
) -> None:
    process, path = training
    page.goto(living.link)
    expect(page.get_by_text("● running")).to_be_visible(timeout=WAIT)
    first = step_of(page)
    until_after(page, first)
    until_after(page, step_of(page))
    process.send_signal(signal.SIGKILL)
    process.wait()
    expect(page.get_by_text("✗ killed")).to_be_visible(timeout=WAIT)
    last = open_run(path).steps[-1]
    until_after(page, last - 1)
    assert step_of(page) == last
    # what was kept is there to be looked at: the weight on screen is the run's
    page.goto(f"{living.link}#layer=&unit=1&weight=1,2&tab=weight")
    shown = open_run(path).weights("weight", last)[1, 2].item()
    value = page.get_by_role("textbox", name="turn it to")
    expect(value).to_have_value(re.compile(r"\d"))
    assert float(value.input_value()) == pytest.approx(shown, rel=1e-5)


def test_who_looks_at_an_earlier_step_stays_there_and_comes_back_at_will(living: Served, page: Page) -> None:
    page.goto(living.link)
    until_after(page, step_of(page))
    page.get_by_role("button", name="back to the start").click()
    expect(page).to_have_url(re.compile(r"step=0\b"))
    known = snapshots(Path(living.session.run.path))
    until(page, lambda: snapshots(Path(living.session.run.path)) >= known + 3, 60)
    page.wait_for_timeout(1500)  # the page is told twice a second
    assert step_of(page) == 0
    page.get_by_role("button", name="live", exact=True).click()
    until_after(page, known)
    expect(page).not_to_have_url(re.compile(r"step="))
