"""The input bay: examples from the whole probe set, drawings, tables and text, heard as Python hears them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect
from served import Served, served
from test_accessibility import violations
from torch import Tensor, nn
from watching import Watch, address

import weightdesk as wd
from weightdesk.report import write_report
from weightdesk.runs import Run, open_run
from weightdesk.server.session import Session
from weightdesk.server.subject import Subject
from weightdesk.training import Recipe, train

LETTERS = "abcdefgh "
Serve = Callable[..., AbstractContextManager[Served]]


class Speaker(nn.Module):
    """Says after each letter which is next; takes eight of them at most."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.cell = nn.Embedding(len(LETTERS), 6), nn.GRU(6, 6, batch_first=True)
        self.output = nn.Linear(6, len(LETTERS))

    def forward(self, given: Tensor) -> Tensor:
        assert given.shape[1] <= 8
        answer: Tensor = self.output(self.cell(self.embedding(given))[0])
        return answer


@pytest.fixture
def serve(tmp_path: Path, built: Path, page: Page) -> Serve:
    """Serves the desk of a network that was recorded before its first step."""

    @contextmanager
    def make(model: nn.Module, inputs: Tensor, **about: Any) -> Iterator[Served]:
        with wd.watch(model, torch.optim.SGD(model.parameters(), lr=0.1), tmp_path / "run"):
            pass
        with served(Session(open_run(tmp_path / "run"), Subject.given(model, inputs, **about))) as server:
            yield server
            page.goto("about:blank")  # or it asks a server that is gone

    return make


def opened(page: Page, server: Served, hash_: str = "") -> Page:
    page.goto("about:blank")
    page.goto(f"{server.link}{hash_}")
    expect(page.get_by_label("input and outputs")).to_be_visible()
    return page


def logits(page: Page) -> dict[str, float]:
    """What each class is given, by its name on screen; read at once, as answers come in between."""
    told: list[tuple[str, str]] = page.evaluate("""() => {
        const all = (of) => [...document.querySelectorAll(`[aria-label=classes] ${of}`)];
        const texts = (of) => all(of).map((each) => each.innerText);
        const figures = texts(".figure.soft");
        return texts(".name").map((name, place) => [name, figures[place]]);
    }""")
    return {name.strip("▸✓ "): float(each.replace("−", "-")) for name, each in told}


def until_logits(page: Page, expected: dict[str, float]) -> None:
    """Wait until these are on screen."""
    close = pytest.approx(expected, abs=0.0051)
    for _ in range(300):
        if (found := logits(page)) == close:
            return
        page.wait_for_timeout(50)
    assert found == close


def settled(page: Page, before: dict[str, float]) -> dict[str, float]:
    """The last of the answers after something has changed: one that stays."""
    found, stays = before, 0
    for _ in range(300):
        found, last = logits(page), found
        stays = stays + 1 if found == last != before else 0
        if stays == 20:
            return found
        page.wait_for_timeout(50)
    raise AssertionError("nothing changed, or it never settled")


def test_any_example_is_gone_to_by_its_number(page: Page, server: Served, digits_run: Run) -> None:
    session = Session(digits_run)
    opened(page, server, "#step=6&example=2")
    number = page.get_by_label(re.compile("^example, of 359"))
    number.fill("300")
    number.press("Enter")
    expect(page).to_have_url(re.compile("example=300"))
    with session.desk(6) as desk:
        said = desk.outputs(300)[0].tolist()
    until_logits(page, dict(zip(session.subject.class_names, said, strict=True)))
    target = session.subject.class_names[int(session.subject.targets[300])]
    expect(page.get_by_role("group", name="classes").locator(".name").filter(has_text="✓")).to_have_text(
        re.compile(rf"{target} ✓")
    )
    number.fill("4000")
    number.press("Enter")
    expect(page).to_have_url(re.compile("example=358"))
    expect(page.get_by_role("button", name="next example")).to_be_disabled()


def test_the_next_wrong_one_is_the_next_that_python_calls_wrong(
    page: Page, server: Served, digits_run: Run
) -> None:
    with Session(digits_run).desk(6, ("mute hidden1[2]",)) as desk:
        wrong = desk.outcome.wrong
    assert wrong is not None
    after = [int(each) for each in wrong if each > 70]
    opened(page, server, "#step=6&example=70&turns=mute%20hidden1%5B2%5D")
    for expected in after[:2]:
        page.get_by_role("button", name="next wrong").click()
        expect(page).to_have_url(re.compile(rf"example={expected}\b"))
    expect(page.get_by_text(f"{len(wrong)} of 359 wrong")).to_be_visible()


def test_in_a_file_it_is_the_next_that_the_file_has(
    page: Page, watch: Watch, tmp_path: Path, built: Path, digits_run: Run
) -> None:
    watch.expected.append(r"file:.*/run\.html$")
    write_report(Session(digits_run), tmp_path / "run.html")
    with Session(digits_run).desk(6) as desk:
        wrong = desk.outcome.wrong
    assert wrong is not None
    page.goto(f"{(tmp_path / 'run.html').as_uri()}#step=6&example=70")
    page.get_by_role("button", name="next wrong").click()
    expect(page).to_have_url(re.compile(rf"example={next(int(each) for each in wrong if each > 70)}\b"))
    expect(page.get_by_text(f"{len(wrong)} of 359 wrong")).to_be_visible()
    expect(page.get_by_role("toolbar", name="events").get_by_role("button")).to_have_count(3)


def test_a_drawing_is_in_the_link_and_heard_the_same_again(page: Page, server: Served) -> None:
    opened(page, server, "#step=6&example=9")
    expect(page.get_by_role("group", name="classes")).to_be_visible()
    before = logits(page)
    pad: Any = page.get_by_role("application").bounding_box()
    page.mouse.move(pad["x"] + 10, pad["y"] + 10)
    page.mouse.down()
    page.mouse.move(pad["x"] + 90, pad["y"] + 80, steps=4)
    page.mouse.up()
    expect(page.get_by_text("your own")).to_be_visible()
    said, link = settled(page, before), address(page)
    assert len(link) < 600
    page.reload()
    until_logits(page, said)
    assert address(page) == link
    page.get_by_role("button", name="use example 9").click()
    expect(page).not_to_have_url(re.compile("own="))


def test_text_is_typed_where_the_network_takes_tokens(page: Page, serve: Serve) -> None:
    torch.manual_seed(0)
    model, inputs = Speaker(), torch.randint(0, len(LETTERS), (80, 8))
    targets = inputs.roll(-1, 1)
    with serve(model, inputs, targets=targets, tokens=LETTERS) as server:
        opened(page, server, "#example=70")
        box = page.get_by_role("textbox", name="text for the network")
        expect(box).to_have_value("".join(LETTERS[each] for each in inputs[70]))
        expect(page.get_by_text("answer after the last of 8 positions")).to_be_visible()
        box.fill("dead bee")
        with torch.no_grad():
            said = model(torch.tensor([[LETTERS.index(each) for each in "dead bee"]]))[0, -1].tolist()
        until_logits(page, {LETTERS[each].replace(" ", "␣"): value for each, value in enumerate(said)})
        page.wait_for_load_state("networkidle")
        box.fill("dead bees")
        expect(page.get_by_text("no token reads 's'")).to_be_visible()
        expect(box).to_have_attribute("aria-invalid", "true")
        box.fill("a bad head bag")
        expect(page.get_by_text("cut to the last 8 of 14 tokens: the network takes no more")).to_be_visible()
        expect(page.get_by_role("list", name="tokens").get_by_role("listitem")).to_have_count(8)
        assert violations(page) == []
        page.reload()
        expect(box).to_have_value("head bag")


def test_a_number_is_typed_in_the_units_of_the_table(page: Page, tmp_path: Path, built: Path) -> None:
    run = open_run(train(Recipe.create("breast-cancer", steps=3), tmp_path / "table", every=1).directory)
    session = Session(run)
    units = run.recipe["standardisation"]["inputs"]  # type: ignore[index]
    with served(session) as server:
        opened(page, server, "#step=3&example=5")
        field = page.get_by_label("mean area, typed")
        expect(field).to_be_visible()
        place = session.subject.input_names.index("mean area")
        shown = float(session.subject.inputs[5, place]) * units["scale"][place] + units["mean"][place]
        assert float(field.input_value()) == pytest.approx(shown, rel=1e-3)
        field.fill("1000")
        field.press("Enter")
        given = session.subject.inputs[5:6].clone()
        given[0, place] = (1000 - units["mean"][place]) / units["scale"][place]
        with torch.no_grad():
            said = session.model(3)(given)[0].tolist()
        until_logits(page, dict(zip(session.subject.class_names, said, strict=True)))
        page.wait_for_load_state("networkidle")
        page.reload()
        expect(field).to_have_value("1000")
        assert violations(page) == []


def test_of_very_many_columns_some_are_searched(page: Page, serve: Serve) -> None:
    torch.manual_seed(0)
    with serve(nn.Linear(300, 3), torch.randn(5, 300)) as server:
        opened(page, server)
        expect(page.get_by_text("40 of 300")).to_be_visible()
        page.get_by_label("find an input").fill("put 29")
        expect(page.get_by_text("11 of 300")).to_be_visible()
        expect(page.get_by_role("slider", name="input 299")).to_be_visible()
        assert violations(page) == []


def test_where_outputs_are_no_numbers_no_class_is_the_answer(page: Page, serve: Serve) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    model[1].weight.data[1, 5] = torch.nan
    with serve(model, torch.randn(4, 3, 4), targets=torch.arange(4) % 3, class_names="abc") as server:
        opened(page, server)
        expect(page.get_by_text("3×4 numbers: to choose among, not to draw")).to_be_visible()
        expect(page.get_by_text("no answer: the outputs are not all numbers")).to_be_visible()
        expect(page.get_by_role("group", name="classes").get_by_text("▸")).to_have_count(0)
