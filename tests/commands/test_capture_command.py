"""`weightdesk capture`: tables with scores, as JSON as well, and one line where something is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from called import Call
from PIL import Image

from weightdesk.capture import examples
from weightdesk.training import Recipe, train


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "digits"
    train(Recipe.create("digits", network="cnn", layers=(3, 4), steps=8), folder, every=4)
    return folder


def test_the_list_says_what_fits_the_network(call: Call, digits: Path) -> None:
    shown = call("capture", str(digits), "list")
    assert shown.code == 0
    assert "feeding" in shown.out
    assert "phrases" not in shown.out
    found = json.loads(call("capture", str(digits), "list", "--json").out)
    assert {"reading", "about", "says"} == set(found[0])


def test_scores_stand_beside_those_of_networks_that_know_nothing(call: Call, digits: Path) -> None:
    shown = call("capture", str(digits), "feeding", "--layer", "conv2", "--unit", "1", "--step", "4")
    assert shown.code == 0
    for part in ("conv2 1 is fed most by conv1", "scrambled weights", "step 0", "in use"):
        assert part in shown.out
    page = json.loads(
        call("capture", str(digits), "feeding", "--layer", "conv2", "--unit", "1", "--json").out
    )
    assert len(page["sections"][0]["rows"]) == 3


def test_another_run_stands_beside_in_similarity(call: Call, digits: Path) -> None:
    page = json.loads(call("capture", str(digits), "similarity", "--beside", str(digits), "--json").out)
    rows = [row for row in page["sections"][0]["rows"] if row["network"] == str(digits)]
    assert rows
    assert all(row["CKA"] == pytest.approx(1) for row in rows if row["layer"] == row["other layer"])


@pytest.mark.parametrize("reading", ["pictures", "factors", "expanded"])
def test_pictures_go_into_a_file(call: Call, digits: Path, tmp_path: Path, reading: str) -> None:
    shown = call("capture", str(digits), reading, "--layer", "conv2", "--out", str(tmp_path / "sheet.png"))
    assert shown.code == 0, shown.err
    assert "conv2" in shown.out
    assert "4 pictures: --out FILE.png" in shown.out
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert min(sheet.size) > 100


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("dead", "--layer", "conv2", "--out", "sheet.png"), "--out: this reading has no pictures"),
        (("filters", "--out", "sheet.unknown"), "name a file that ends with .png"),
        (("filters", "--out", "nowhere/sheet.png"), "No such file or directory"),
    ],
)
def test_pictures_that_cannot_be_written_are_said_in_a_line(
    call: Call, digits: Path, arguments: tuple[str, ...], line: str
) -> None:
    shown = call("capture", str(digits), *arguments)
    assert shown.code == 2
    assert line in shown.err
    assert shown.err.count("\n") == 1


def test_what_was_read_is_not_computed_again(
    call: Call, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = call("capture", str(digits), "duplicates", "--layer", "conv1", "--json")
    monkeypatch.setattr(examples, "duplicates", None)
    again = call("capture", str(digits), "duplicates", "--layer", "conv1", "--json")
    assert again.code == 0
    assert again.out == first.out


def test_what_is_missing_is_said_in_a_line(call: Call, digits: Path) -> None:
    shown = call("capture", str(digits), "dead")
    assert shown.code == 2
    assert "name a layer" in shown.err
    assert shown.err.count("\n") == 1
