from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from called import Call
from PIL import Image
from rich.console import Console

from weightdesk import open_run
from weightdesk.commands.show import print_page
from weightdesk.terminal.overview import read_overview


@pytest.fixture
def run(call: Call) -> str:
    network = ("--network", "mlp", "--layers", "8")
    assert call("train", "digits", *network, "--steps", "5", "--cost", "none", "--every", "1").code == 0
    return "runs/digits"


def test_a_page_is_plain_text_where_it_is_not_a_terminal(call: Call, run: str) -> None:
    done = call("show", run)
    assert done.code == 0
    for part in (
        "✓ finished",
        "mlp 1×8×8 → 8 → 10",
        "digits, seed 0",
        "val_accuracy",
        "hidden1",
        "relu1",
        "8×64",
    ):
        assert part in done.out
    assert "\x1b" not in done.out
    assert "▀" not in done.out


def test_the_numbers_are_those_of_the_python_api(call: Call, run: str) -> None:
    facts = call("show", run, "--json", "--step", "2").facts
    weights = open_run(run).weights("hidden1.weight", 2)
    assert facts["step"] == 2
    assert facts["layers"][0]["scale_now"] == pytest.approx(float(weights.double().square().mean().sqrt()))
    assert facts["seed"] == 0
    assert "val_loss" in facts["metrics"]


def test_an_earlier_step_ends_the_curves_there(call: Call, run: str) -> None:
    out = call("show", run, "--step", "-3").out
    assert "Network at step 3" in out
    assert "step 3\n" in "".join(f"{line.rstrip()}\n" for line in out.splitlines())


def test_a_picture_is_written(call: Call, run: str) -> None:
    assert call("show", run, "--png", "first.png").code == 0
    with Image.open("first.png") as drawn:
        assert drawn.format == "PNG"
        assert len(np.unique(np.asarray(drawn).reshape(-1, 3), axis=0)) > 100


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--step", "4000"), "no snapshot at step 4000; nearest kept: 5"),
        (("--png", "first.jpg"), "such as first.png"),
        (("--png", "nowhere/first.png"), "cannot write the picture nowhere/first.png"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    call: Call, run: str, arguments: tuple[str, ...], words: str
) -> None:
    assert words in call("show", run, *arguments).is_refused()
    assert not list(Path().glob("*.jpg"))


def test_a_place_without_a_run_is_refused(call: Call) -> None:
    assert "no run.json in nowhere" in call("show", "nowhere").is_refused()
    assert "Missing argument" in call("show").is_refused()


def test_without_a_snapshot_there_is_no_picture(call: Call, run: str) -> None:
    for file in Path(run, "snapshots").iterdir():
        file.unlink()
    assert "no snapshot yet" in call("show", run, "--png", "first.png").is_refused()
    assert "no snapshot yet" in call("show", run).out


@pytest.mark.parametrize(("colours", "drawn"), [("truecolor", True), (None, False)])
def test_a_terminal_with_colours_shows_the_first_weights(
    call: Call, run: str, colours: str | None, drawn: bool
) -> None:
    console = Console(force_terminal=True, color_system=colours, width=90)  # type: ignore[arg-type]
    opened = open_run(run)
    with console.capture() as capture:
        print_page(opened, read_overview(opened), console)
    assert ("▀" in capture.get()) is drawn
