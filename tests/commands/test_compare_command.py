"""`weightdesk compare`: what is to be trained, and runs that exist already."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from called import Call

QUICK = ("--layers", "4", "--steps", "6", "--seeds", "2")


def test_settings_are_trained_and_compared_and_shown_again(call: Call) -> None:
    done = call("compare", "xor", "--vary", "init=zeros,he_normal", *QUICK, "--workers", "1")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[:2] == [
        "4 trainings into runs/compare-xor", "zeros cannot start: no weight gets a gradient",
    ]  # fmt: skip
    assert lines[2].startswith("1/4 zeros-seed0 finished after 6 steps")
    assert "final accuracy and loss" in done.out
    assert json.loads(Path("runs/compare-xor/comparison.json").read_text())["vary"]["init"][0] == "zeros"
    again = call("compare", "xor", "--vary", "init=zeros,he_normal", *QUICK, "--json")
    assert "4 of them finished before" in again.err
    assert again.facts["title"] in " ".join(line.strip() for line in lines)
    assert call("compare", "runs/compare-xor", "--json").facts == again.facts


def test_members_that_fail_are_told_and_make_the_exit_code_1(call: Call) -> None:
    done = call("compare", "xor", "--vary", "network=mlp,textcnn", "--steps", "4", "--seeds", "1")
    assert done.code == 1
    assert "textcnn-seed0 failed: OptionError" in done.out
    assert "not finished" in done.out


def test_a_path_goes_along_strengths(call: Call) -> None:
    done = call("compare", "mixdown", "--path", "l1=0.01,1", "--steps", "60", "--run", "path", "--json")
    assert done.code == 0, done.err
    assert [row["l1"] for row in done.facts["sections"][0]["rows"]] == [1.0, 0.01]
    assert Path("path/l1-0.01/run.json").exists()


def test_two_runs_are_compared(call: Call) -> None:
    for lr in ("0.1", "0.01"):
        assert (
            call("train", "xor", "--layers", "4", "--steps", "20", "--lr", lr, "--run", f"runs/{lr}").code
            == 0
        )
    done = call("compare", "runs/0.1", "runs/0.01", "--json")
    assert done.facts["sections"][0]["rows"][0] == {"option": "lr", "0.1": "0.1", "0.01": "0.01"}


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("xor",), "say what differs"),
        (("runs/a", "runs/b", "--lr", "1"), "--lr is for trainings"),
        (("runs/a", "runs/b"), "no run.json in runs/a"),
        (("xor", "iris", "--vary", "l2=0,1"), "take one recipe"),
        (("xor", "--vary", "l2=0,1", "--path", "l1=0,1"), "one of the two at a time"),
        (("xor", "--vary", "l2"), "--vary takes an option and its values"),
        (("xor", "--path", "l1=a,b"), "--l1 must be a number"),
        (("xor", "--vary", "l2=0,1", "--every", "no"), "--every must be a whole number"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_line(call: Call, arguments: tuple[str, ...], line: str) -> None:
    assert line in call("compare", *arguments).is_refused()
