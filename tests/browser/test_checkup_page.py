"""The page Check-up: a card for each thing that is wrong, with ways to the place and the time."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from faulty_trainings import FAULTS, HEALTHY, train
from playwright.sync_api import Page, expect
from served import Served, served
from test_accessibility import violations
from watching import WAIT, Watch, address

from weightdesk import open_run, report
from weightdesk.checkup import check
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
        for step in range(10_000):
            loss = (model(inputs) - inputs[:, :2]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            recording.log(loss=loss if step < 150 else float("nan"))
            time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory, built: Path) -> Iterator[Served]:
    with served(Session(train(tmp_path_factory.mktemp("runs") / "spiked", FAULTS["loss_spike"]))) as running:
        yield running


@pytest.fixture(scope="module")
def saturated(tmp_path_factory: pytest.TempPathFactory, built: Path) -> Iterator[Served]:
    run = train(tmp_path_factory.mktemp("runs") / "saturated", FAULTS["saturated_units"])
    with served(Session(run)) as running:
        yield running


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory, built: Path) -> Iterator[Served]:
    with served(Session(train(tmp_path_factory.mktemp("runs") / "healthy", HEALTHY))) as running:
        yield running


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_card_says_what_python_says(saturated: Served, page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(saturated.link)
    found = check(saturated.session.run)
    page.get_by_role("button", name=f"check-up {len(found)} findings").click()
    assert "page=checkup" in address(page)
    for each in found:
        card = page.get_by_role("article", name=each.rule)
        for told in (each.message, each.remedy, f"since step {each.since}", f"{each.confidence:.0%}"[:-1]):
            expect(card).to_contain_text(told)
        for proof in each.evidence:
            expect(card.get_by_role("row", name=proof.what)).to_be_visible()
    assert violations(page) == []


def test_a_consequence_leads_to_its_cause(saturated: Served, page: Page) -> None:
    page.goto(f"{saturated.link}#page=checkup")
    consequence = next(each for each in check(saturated.session.run) if each.because)
    card = page.get_by_role("article", name=consequence.rule)
    card.get_by_role("button", name=str(consequence.because).replace("_", " ")).press("Enter")
    expect(page.get_by_role("article", name=str(consequence.because))).to_be_focused()
    assert f"finding={consequence.because}" in address(page)


def test_a_place_is_shown_on_the_desk(saturated: Served, page: Page) -> None:
    page.goto(f"{saturated.link}#page=checkup")
    card = page.get_by_role("article", name="initial_scale_high")
    card.get_by_role("button", name="2.weight").click()
    expect(page.get_by_role("region", name="inspector")).to_be_visible()
    here = address(page)
    assert "layer=2" in here
    assert "page=" not in here


def test_its_first_step_moves_the_playhead(faulty: Served, page: Page) -> None:
    page.goto(f"{faulty.link}#page=checkup&step=0")
    (finding,) = check(faulty.session.run)
    page.get_by_role("button", name=f"since step {finding.since}", exact=True).click()
    nearest = min(faulty.session.run.steps, key=lambda step: abs(step - finding.since))
    expect(page.get_by_role("slider", name="step")).to_have_attribute("aria-valuenow", str(nearest))


def test_a_mark_on_the_timeline_opens_the_card(faulty: Served, page: Page) -> None:
    page.goto(faulty.link)
    (finding,) = check(faulty.session.run)
    marks = page.get_by_role("toolbar", name="events")
    marks.get_by_role("button", name=f"since step {finding.since}: {finding.message}").click()
    expect(page.get_by_role("article", name=finding.rule)).to_be_focused()
    assert "page=checkup" in address(page)


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (820, 1180)])
def test_nothing_lies_outside_the_window(saturated: Served, page: Page, size: tuple[int, int]) -> None:
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{saturated.link}#page=checkup")
    page.get_by_role("article").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for card in page.get_by_role("article").all():
        assert card.evaluate("each => each.scrollWidth <= each.clientWidth")
    box: Any = page.get_by_role("region", name="timeline").bounding_box()
    assert box["y"] + box["height"] <= height


def test_a_healthy_run_says_so_and_how_sure_that_is(healthy: Served, page: Page) -> None:
    page.goto(healthy.link)
    page.get_by_role("button", name="check-up", exact=True).click()
    told = page.get_by_role("region", name="check-up")
    expect(told).to_contain_text("healthy")
    decided = check(healthy.session.run).decided
    expect(told).to_contain_text(f"{decided} of 28 rules looked at 200 steps and found nothing")
    expect(page.get_by_role("table")).to_contain_text("vanishing_gradient")
    assert violations(page) == []


def test_what_undecided_rules_need_is_folded_away(built: Path, tmp_path: Path, page: Page) -> None:
    run = train(tmp_path / "run", FAULTS["dead_units"])
    with served(Session(run)) as running:
        page.goto(f"{running.link}#page=checkup")
        needs = check(run).undecided
        folded = page.get_by_text(f"{len(needs)} could not decide")
        folded.click()
        for each in set(needs.values()):
            expect(page.get_by_text(each).first).to_be_visible()
        assert violations(page) == []
        page.close()  # before its server


def test_a_finding_appears_while_the_run_is_recorded(built: Path, tmp_path: Path, page: Page) -> None:
    place = tmp_path / "living"
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(LOOP), str(place)]) as process:
        try:
            end = monotonic() + 60
            while not _snapshots(place):
                assert monotonic() < end, "the training does not begin"
                sleep(0.1)
            with served(Session(open_run(place))) as living:
                page.goto(f"{living.link}#page=checkup")
                expect(page.get_by_role("heading", name="so far")).to_be_visible()
                expect(page.get_by_role("article", name="nonfinite")).to_be_visible(timeout=2 * WAIT)
                assert open_run(place).status == "running"
                page.close()  # before its server
        finally:
            process.kill()


def test_in_a_file_the_page_is_there_too(saturated: Served, page: Page, tmp_path: Path, watch: Watch) -> None:
    watch.expected.append("file://")  # the file itself
    report.write_report(saturated.session, tmp_path / "run.html")
    page.goto(f"{(tmp_path / 'run.html').as_uri()}#page=checkup")
    found = check(saturated.session.run)
    expect(page.get_by_role("article")).to_have_count(len(found))
    expect(page.get_by_role("article", name=found[0].rule)).to_contain_text(found[0].message)


def _snapshots(place: Path) -> int:
    try:
        return len(open_run(place).steps)
    except (WeightdeskError, OSError):
        return 0
