"""`weightdesk capture`: tables with scores, as JSON as well, and one line where something is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from called import Call

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


def test_what_is_missing_is_said_in_a_line(call: Call, digits: Path) -> None:
    shown = call("capture", str(digits), "dead")
    assert shown.code == 2
    assert "name a layer" in shown.err
    assert shown.err.count("\n") == 1
