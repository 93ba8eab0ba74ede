from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console

from weightdesk.runs import RunSummary
from weightdesk.terminal.listing import run_table

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DIGITS = RunSummary(
    "runs/digits",
    "finished",
    created="2026-01-31T11:00:00+00:00",
    model="torch.nn.modules.container.Sequential",
    recipe="digits",
    weights=29066,
    last_step=600,
    metrics={"loss": 0.00489, "accuracy": 1.0, "test_accuracy": 0.9889},
    size=14_800_000,
)
MINE = RunSummary("runs/mine", "killed", model="my.models.Net", weights=1, metrics={"loss": float("nan")})
BROKEN = RunSummary("runs/bad", "damaged", error="runs/bad/run.json is damaged")


def shown(*summaries: RunSummary, width: int = 110) -> list[str]:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(run_table(summaries, NOW, width))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_a_run_is_a_line() -> None:
    heading, digits, mine = shown(DIGITS, MINE)
    assert heading.split() == [
        "run", "status", "training", "weights", "steps", "loss", "score", "begun", "size",
    ]  # fmt: skip
    assert digits.split() == [
        "runs/digits", "✓", "finished", "digits", "29.1k", "600", "4.9e-3", "98.9%",
        "1", "h", "ago", "14.8", "MB",
    ]  # fmt: skip
    assert mine.split() == ["runs/mine", "✗", "killed", "Net", "1", "–", "NaN", "–", "–", "0", "B"]


def test_a_score_that_is_no_share_is_a_number() -> None:
    fitted = RunSummary("runs/radio", "running", metrics={"val_r2": 0.5})
    assert shown(fitted)[1].split()[4:7] == ["–", "–", "0.500"]


def test_damaged_runs_follow_with_their_error() -> None:
    assert shown(BROKEN, DIGITS)[-1] == "✗ damaged  runs/bad/run.json is damaged"
    assert shown(BROKEN) == ["✗ damaged  runs/bad/run.json is damaged"]


def test_a_narrow_terminal_goes_without_size_and_weights() -> None:
    lines = shown(DIGITS, width=62)
    assert all(len(line) <= 62 for line in lines)
    assert lines[1].startswith("runs/digits ")
    assert "weights" not in lines[0]
    assert "score" in lines[0]
