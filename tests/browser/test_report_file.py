"""A run as a file, in a browser: its numbers are those of Python, and nothing leaves it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, sync_playwright
from reported import every_layer, session_of

from weightdesk import open_run, report
from weightdesk.server import page as built_page
from weightdesk.server.page import STATIC
from weightdesk.server.questions import importance as asked_importance
from weightdesk.server.questions.activity import ActivityQuestion
from weightdesk.server.questions.heard import HeardQuestion
from weightdesk.server.questions.history import HistoryQuestion
from weightdesk.server.questions.importance import ImportanceQuestion
from weightdesk.server.questions.layer import LayerQuestion
from weightdesk.server.questions.sweep import SweepQuestion
from weightdesk.server.questions.terms import TermsQuestion
from weightdesk.server.session import Session
from weightdesk.server.wire import pack, unpack
from weightdesk.training import Recipe, train

BROWSER = shutil.which("chromium")
BUILT = Path(os.environ.get("WEIGHTDESK_STATIC", STATIC))
pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="there is no chromium"),
    pytest.mark.skipif(not (BUILT / "desk.js").exists(), reason="the page is not built: make web"),
]
ASK = """async ([kind, question]) => {
    const plain = (value) => ArrayBuffer.isView(value) ? [...value]
        : Array.isArray(value) ? value.map(plain)
        : value && typeof value === "object"
            ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)])) : value;
    return plain(await document.querySelector("#desk").host.ask(kind, question));
}"""


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("report") / "digits"
    train(Recipe.create("digits", network="cnn", layers=(4, 6), steps=20, dropout=0.2), folder)
    return Session(open_run(folder))


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return session_of(every_layer(), tmp_path_factory.mktemp("report") / "run")


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_page(viewport={"width": 1440, "height": 900})
        browser.close()


@pytest.mark.parametrize(
    ("which", "turns"),
    [
        ("digits", ("mute conv1[1]", "output.weight[3,7]=1.5")),
        ("digits", ("solo conv2[0]", "solo conv2[3]", "scale conv1 1.7")),
        ("layers", ("mute 0[2]", "scale 7.2[1] 3", "7.1.weight[0,:8]=-0.5")),
        ("layers", ("solo 8[1]", "8.bias[0]=2", "scale * 0.9")),
    ],
)
def test_the_page_says_what_python_says_offline(
    which: str,
    turns: tuple[str, ...],
    page: Page,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(built_page, "STATIC", BUILT)
    session, wrong, asked = request.getfixturevalue(which), list[str](), list[str]()
    done = report.write_report(session, tmp_path / "run.html")
    assert done.size < report.LARGEST
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda each: asked.append(each.url))
    page.goto((tmp_path / "run.html").as_uri())
    page.wait_for_selector("main.weightdesk *")
    for step in session.run.steps[:: len(session.run.steps) - 1]:
        question = HeardQuestion(step=step, turns=turns, example=5)
        heard = page.evaluate(ASK, ["heard", question.model_dump(exclude_none=True)])
        _check(heard, unpack(pack(question.answer(session))))
    assert wrong == []
    assert [each for each in asked if not each.startswith(("file:", "data:", "blob:"))] == []


def _check(heard: Any, wanted: Any) -> None:
    for name in ("outputs", "before"):
        _same(heard[name]["data"], wanted[name])
    for name in ("loss", "loss_before", "accuracy", "accuracy_before"):
        assert heard["scores"][name] == pytest.approx(wanted["scores"][name], rel=1e-5), name
    for name in ("seen", "examples"):
        assert heard["scores"][name] == wanted["scores"][name]
    assert [each["module"] for each in heard["layers"]] == [each["module"] for each in wanted["layers"]]
    for one, other in zip(heard["layers"], wanted["layers"], strict=True):
        assert one["shape"] == list(other["shape"]) == list(one["values"]["shape"])
        if other["values"].size:  # the server leaves out what has no weights
            _same(one["values"]["data"], other["values"])


def _same(found: list[float], wanted: Any) -> None:
    """Within 1e-5 of the largest: sums run in another order."""
    scale = max(1e-6, float(np.abs(wanted).max(initial=0)))
    np.testing.assert_allclose(np.asarray(found).reshape(wanted.shape), wanted, rtol=1e-5, atol=1e-5 * scale)


def test_the_page_turns_weights_as_python_does_and_refuses_the_rest(
    digits: Session, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(built_page, "STATIC", BUILT)
    report.write_report(digits, tmp_path / "run.html")
    page.goto((tmp_path / "run.html").as_uri())
    step, turns = digits.run.steps[-1], ["scale conv2[1:4] 0.3", "mute conv2[-1]"]
    found = page.evaluate(ASK, ["weights", {"parameter": "conv2.weight", "step": step, "turns": turns}])
    wanted = digits.weights("conv2.weight", step, tuple(turns)).numpy()
    np.testing.assert_array_equal(np.asarray(found["values"]["data"], "f4").reshape(wanted.shape), wanted)
    said = page.evaluate(
        f"async (asked) => {{ try {{ await ({ASK})(asked) }} catch (e) {{ return e.message }} }}",
        ["save", {"step": step, "turns": turns}],
    )
    assert said.startswith("not in this file: open the run with `weightdesk open`")


@pytest.mark.parametrize("parameter", ["conv1.weight", "conv2.weight", "output.weight"])
def test_the_page_explains_a_weight_as_python_does(
    parameter: str, digits: Session, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(built_page, "STATIC", BUILT)
    report.write_report(digits, tmp_path / "run.html")
    page.goto((tmp_path / "run.html").as_uri())
    index = (1,) * len(digits.run.parameters[parameter].shape)
    if parameter == "conv1.weight":
        index = (1, 0, 1, 1)
    step, turns = digits.run.steps[-1], ("scale conv1[0] 1.4",)
    for question in (
        HistoryQuestion(parameter=parameter, index=index),
        LayerQuestion(parameter=parameter),
        TermsQuestion(parameter=parameter, unit=2, step=step, turns=turns, example=4),
    ):
        found = page.evaluate(ASK, [question.kind, question.model_dump(exclude_none=True)])
        _alike(found, unpack(pack(question.answer(digits))))
    swept = SweepQuestion(parameter=parameter, index=index, step=step, turns=turns)
    found, wanted = (
        page.evaluate(ASK, ["sweep", swept.model_dump()]),
        unpack(pack(swept.answer(digits))),
    )
    np.testing.assert_allclose(found["values"]["data"], wanted["values"], rtol=1e-6, atol=1e-7)
    if all(found["exact"]["data"]):
        np.testing.assert_allclose(found["losses"]["data"], wanted["losses"], rtol=1e-5)
        np.testing.assert_allclose(found["present"]["data"][:2], wanted["present"][:2], rtol=1e-5)
        np.testing.assert_allclose(found["present"]["data"][2], wanted["present"][2], rtol=0.1, atol=1e-3)


@pytest.mark.parametrize(("which", "module"), [("digits", "conv1"), ("digits", "output"), ("layers", "8")])
def test_the_page_says_how_busy_units_are_as_python_does(
    which: str,
    module: str,
    page: Page,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(built_page, "STATIC", BUILT)
    session = request.getfixturevalue(which)
    report.write_report(session, tmp_path / "run.html")
    page.goto((tmp_path / "run.html").as_uri())
    question = ActivityQuestion(module=module, step=session.run.steps[-1], turns=(f"scale {module}[1] 1.3",))
    found = page.evaluate(ASK, ["activity", question.model_dump()])
    wanted = unpack(pack(question.answer(session)))
    assert found["examples"] == wanted["examples"] > 30
    for name in ("magnitude", "active", "by_class", "peaks"):
        assert found[name]["shape"] == list(wanted[name].shape)
        _same(found[name]["data"], wanted[name])
    strongest = np.asarray(found["strongest"]["data"]).reshape(wanted["strongest"].shape)
    assert (strongest == wanted["strongest"]).mean() > 0.9  # what is as strong may change places


@pytest.mark.parametrize(
    ("which", "parameter", "level"),
    [
        ("digits", "conv1.weight", "weight"),
        ("digits", "output.weight", "unit"),
        ("layers", "8.weight", "weight"),
        ("layers", "0.bias", "weight"),
        ("layers", "4.weight", "unit"),
    ],
)
def test_the_page_says_what_depends_on_weights_as_python_does(
    which: str,
    parameter: str,
    level: Any,
    page: Page,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(built_page, "STATIC", BUILT)
    session = request.getfixturevalue(which)
    report.write_report(session, tmp_path / "run.html")
    page.goto((tmp_path / "run.html").as_uri())
    question = ImportanceQuestion(parameter=parameter, step=session.run.steps[-1], level=level)
    found = page.evaluate(ASK, ["importance", question.model_dump()])
    seen = found["examples"]
    assert seen >= 16
    monkeypatch.setattr(asked_importance, "EXAMPLES", seen)  # a slow machine has time for fewer
    wanted = unpack(pack(question.answer(session)))
    assert found["values"]["shape"] == list(wanted["values"].shape)
    assert found["baseline"] == pytest.approx(wanted["baseline"], rel=1e-5)
    assert found["error"] == 0.0
    assert np.abs(wanted["values"]).max() > 1e-3
    np.testing.assert_allclose(
        np.asarray(found["values"]["data"]).reshape(wanted["values"].shape),
        wanted["values"],
        rtol=1e-4,
        atol=2e-6 + (wanted["error"] or 0.0),
    )


def _alike(found: Any, wanted: Any) -> None:
    """The same message; sums that should be zero may be some other small number."""
    assert found.keys() == wanted.keys()
    for name, each in wanted.items():
        if isinstance(each, list) and each and isinstance(each[0], dict):
            for one, other in zip(found[name], each, strict=True):
                _alike(one, other)
        elif isinstance(each, np.ndarray):
            np.testing.assert_allclose(found[name]["data"], each, rtol=2e-5, atol=1e-5)
        elif name != "sampled":
            assert found[name] == each, name
