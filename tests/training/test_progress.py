from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from weightdesk.training import progress
from weightdesk.training.outcome import Outcome, Report


def report(step: int, **changed: object) -> Report:
    values = {
        "step": step, "steps": 9, "loss": 0.5, "held_out": {"loss": 0.6, "r2": 0.75}, "score": "r2",
        "steps_per_second": 120.4, "recording_cost": 0.0134,
    }  # fmt: skip
    return Report(**{**values, **changed})


def outcome(**changed: object) -> Outcome:
    values = {
        "directory": Path("runs/a"), "status": "finished", "steps": 80, "loss": 0.1, "score": "r2",
        "metrics": {"train": {"r2": 0.5}}, "seconds": 4.0, "recording_cost": 0.01, "best_step": 60,
    }  # fmt: skip
    return Outcome(**{**values, **changed})


def test_a_line_says_loss_score_speed_and_cost():
    assert progress.describe(report(3)) == "loss 0.5000  held-out r2 0.750  120 steps/s  recording 1.3%"
    assert "held-out" not in progress.describe(report(3, held_out={}))


def test_without_a_terminal_lines_come_now_and_then(monkeypatch):
    now = iter([0.0, 0.5, 2.5, 2.6, 2.7])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(now))
    console = Console(file=io.StringIO(), width=20)
    with progress.display(console) as show:
        for step in (1, 2, 3, 4, 9):
            show(report(step))
    steps = [line.split()[1] for line in console.file.getvalue().splitlines()]
    assert steps == ["1/9", "3/9", "9/9"]


def test_on_a_terminal_there_is_a_bar():
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with progress.display(console) as show:
        show(report(9))
    assert "9/9" in console.file.getvalue()
    assert "recording 1.3%" in console.file.getvalue()


def test_the_summary_says_what_came_out_and_what_to_type_next():
    first, second = outcome().summary().splitlines()
    assert first == "finished after 80 steps in 4.0 s: r2 0.500 on train data, recording cost 1.0%"
    assert second == "next: weightdesk show runs/a"


def test_the_summary_of_an_early_stop_says_which_weights_are_kept():
    text = outcome(status="stopped early", metrics={"test": {"accuracy": 0.5}}, score="accuracy").summary()
    assert "accuracy 50.0% on test data" in text
    assert "kept: the last weights; the best validation loss was at step 60" in text


@pytest.mark.parametrize(("status", "expected"), [("finished", False), ("interrupted", True)])
def test_an_outcome_knows_whether_it_was_interrupted(status, expected):
    assert outcome(status=status).interrupted is expected
    assert outcome().steps_per_second == 20
