from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console
from terminal_recordings import Record
from torch import nn

from weightdesk import Run
from weightdesk.terminal.curves import panels
from weightdesk.terminal.overview import Overview, read_overview
from weightdesk.terminal.page import page
from weightdesk.terminal.tiles import first_tiles


def shown(run: Run, overview: Overview | None = None, width: int = 80, tiles: bool = False) -> str:
    overview = overview or read_overview(run)
    console = Console(width=width, color_system="truecolor" if tiles else None, force_terminal=tiles)
    maps = first_tiles(run, 4) if tiles else None
    with console.capture() as capture:
        console.print(page(overview, panels(run.metrics), maps, width))
    return capture.get()


def test_the_page_says_what_the_overview_knows(pictures: Run) -> None:
    text = shown(pictures)
    for fact in ("✓ finished", "109 weights in 4 parameters", "SGD lr 0.1", "4 steps", "5 snapshots", "loss"):
        assert fact in text
    assert "Network at step 4" in text
    assert "\x1b" not in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_colours_bring_the_first_weights_as_a_picture(pictures: Run) -> None:
    assert "0.weight at step 4: 3 units" in shown(pictures, tiles=True)
    assert "▀" in shown(pictures, tiles=True)
    assert "▀" not in shown(pictures)


def test_a_matrix_is_no_picture(record: Record) -> None:
    assert "▀" not in shown(record(nn.Linear(2, 3), 2), tiles=True)


def test_what_a_recipe_knows_is_told(pictures: Run) -> None:
    overview = replace(read_overview(pictures), network="cnn 1×8×8 → 10", data="digits", seed=3)
    text = shown(pictures, overview)
    assert "cnn 1×8×8 → 10, 109 weights" in text
    assert "digits, seed 3" in text
    assert "digits\n" in "\n".join(
        line.rstrip() + "\n" for line in shown(pictures, replace(overview, seed=None)).splitlines()
    )


def test_notes_of_the_recording_are_told(pictures: Run) -> None:
    overview = replace(
        read_overview(pictures), status="stopped", note="OSError: disk full", notes=("no activations",)
    )
    text = shown(pictures, overview)
    assert "OSError: disk full" in text
    assert "no activations" in text


def test_a_run_that_has_just_begun(pictures: Run) -> None:
    overview = replace(
        read_overview(pictures), status="running", closed=None, step=None, last_step=None, snapshots=()
    )
    text = shown(pictures, overview)
    assert "no snapshot yet" in text
    assert "0 steps, begun 20" in text


def test_without_metrics_there_is_no_curve(record: Record) -> None:
    assert "Training" not in shown(record(nn.Linear(1, 1), 1, names=()))


@pytest.mark.parametrize(("width", "beside"), [(80, False), (120, True)])
def test_two_curves_stand_beside_each_other_where_there_is_room(
    record: Record, width: int, beside: bool
) -> None:
    run = record(nn.Linear(1, 1), 1, names=("loss", "accuracy"))
    assert (
        any("loss" in line and "accuracy" in line for line in shown(run, width=width).splitlines()) is beside
    )
