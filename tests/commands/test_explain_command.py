"""`weightdesk explain`: reasons on a page, as JSON, and one line where there are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from called import Call

import weightdesk
from weightdesk.training import Recipe, replay, train


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "digits"
    train(Recipe.create("digits", network="mlp", layers=8, steps=20, dropout=0.2), folder, every=5)
    return folder


def test_the_page_has_the_move_the_pushes_and_the_terms(call: Call, digits: Path) -> None:
    shown = call("explain", str(digits), "hidden1.weight", "3,28", "--step", "10")
    assert shown.code == 0
    for part in ("step 10 to 11 by AdamW", "earlier gradients", "rounding", "pushes, by class", "pixel (",
                 "encouraging", "unit 3"):  # fmt: skip
        assert part in shown.out


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "table"
    train(Recipe.create("xor", layers=2, steps=3), folder, every=1)
    return folder


@pytest.mark.parametrize(
    ("parameter", "names"),
    [
        ("hidden1.weight", ["x", "y"]),
        ("hidden1.bias", ["x", "y"]),
        # It has as many inputs as the table has columns, but these are not what it takes.
        ("output.weight", ["unit 0 of hidden1", "unit 1 of hidden1"]),
    ],
)
def test_the_columns_of_a_table_have_their_names(
    call: Call, table: Path, parameter: str, names: list[str]
) -> None:
    index = "1" if parameter.endswith("bias") else "1,0"
    unit = call("explain", str(table), parameter, index, "--step", "1", "--json").facts[2]
    shown = {row["input"]: row["x"] for row in unit["sections"][0]["rows"]}
    assert sorted(shown) == names
    rows = replay(weightdesk.open_run(table).recipe, 1).inputs.double().tolist()
    assert ([shown[each] for each in names] in rows) == parameter.startswith("hidden1")


@pytest.mark.parametrize("index", ["3,28", "3 28", "(3, 28)", "[3, 28]", "-5,28"])
def test_the_index_may_be_written_as_people_do(call: Call, digits: Path, index: str) -> None:
    pages = call("explain", "--json", str(digits), "hidden1.weight", "--", index).facts
    assert pages[0]["title"].startswith("hidden1.weight[3, 28], step 15 to 16")


def test_the_tables_agree_with_the_recording(call: Call, digits: Path) -> None:
    pages = call("explain", str(digits), "output.weight", "2,5", "--step", "5", "--json").facts
    move, gradient, unit, without, journey, classes = pages
    run = weightdesk.open_run(digits)
    parts = move["sections"][0]["rows"]
    assert sum(row["move"] for row in parts) == pytest.approx(run.update("output.weight", 5)[2, 5].item())
    pushes = gradient["sections"][0]["rows"]
    expected = run.gradient("output.weight", 5)[2, 5].item()
    assert sum(row["product"] for row in pushes) == pytest.approx(expected, abs=1e-7)
    terms = unit["sections"][0]["rows"]
    assert len(terms) == 8
    weights = {row["weight"] for row in terms}
    assert weights == {each.item() for each in run.weights("output.weight", 5)[2]}
    assert "step 0 to 20" in journey["title"]
    assert len(classes["sections"][0]["rows"]) == 10
    assert without["title"].startswith("output.weight[2, 5] set to zero")


def test_a_run_of_ones_own_loop_has_its_moves_explained(
    call: Call, tmp_path: Path, own_run: Callable[[Path], None]
) -> None:
    own_run(tmp_path / "mine")
    shown = call("explain", str(tmp_path / "mine"), "weight", "0,1")
    assert shown.code == 0
    assert "by SGD" in shown.out
    assert "explain_gradient" in shown.out  # what to ask in Python, where the model is


@pytest.fixture
def own_run() -> Callable[[Path], None]:
    def record(folder: Path) -> None:
        model = torch.nn.Linear(2, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        with weightdesk.watch(model, optimizer, folder):
            for _ in range(3):
                optimizer.zero_grad()
                model(torch.ones(4, 2)).sum().backward()
                optimizer.step()

    return record


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["hiden1.weight", "3,28"], "did you mean hidden1.weight?"),
        (["hidden1.weight", "3,64"], "expected (0…7, 0…63)"),
        (["hidden1.weight", "3"], "expected (0…7, 0…63)"),
        (["hidden1.weight", "three"], "whole numbers such as 3,17, got 'three'"),
        (["hidden1.weight", "3,28", "--step", "11"], "nearest kept: 10 and 15"),
    ],
)
def test_mistakes_are_one_line(call: Call, digits: Path, arguments: list[str], said: str) -> None:
    assert said in call("explain", str(digits), *arguments).is_refused()
