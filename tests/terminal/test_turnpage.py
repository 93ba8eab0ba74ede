"""The page of a turned network: every fact is on it, as wide as the terminal and no wider."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from weightdesk.terminal.turned import Compared, Flipped, ShownExample, Turned
from weightdesk.terminal.turnpage import turn_page

TURNED = Turned(
    run="runs/digits",
    step=1200,
    part="test",
    examples=359,
    turns=("conv1[5] muted", "fc.weight[3,17] 0.214 → 0.8"),
    mix={"mix": 1, "turns": []},
    engine="incremental",
    measures=(Compared("loss", 0.25, 0.5, 0.25), Compared("accuracy", 0.95, 0.9, -0.05)),
    classes=(
        Compared("cat", 0.9, 0.8, -0.1),
        Compared("dog", 0.7, 0.75, 0.05),
        Compared("owl", 1.0, 1.0, 0.0),
    ),
    shown=tuple(
        ShownExample(number, "cat", "cat", "dog", (2.0, 1.0), (1.5, float("nan"))) for number in range(12)
    ),
    flips=tuple(Flipped(number, "cat", "cat", "dog", -1.25) for number in range(12)),
    became_right=0,
    became_wrong=12,
    sweeps=(),
    notes=("no bounds",),
    saved=("turned.safetensors",),
)


def drawn(turned: Turned, width: int = 100, rows: int = 8) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(turn_page(turned, width, rows))
    return console.file.getvalue()


def test_every_fact_is_on_the_page() -> None:
    text = drawn(TURNED)
    for part in ("runs/digits at step 1,200", "on 359 held-out test examples", "1. conv1[5] muted",
                 "2. fc.weight[3,17] 0.214 → 0.8", "0.250", "0.500", "+0.250", "95.0%", "-5.0%",
                 "… and 1 as before", "12 of 359 examples flipped: 0 became right, 12 wrong",
                 "-1.25", "… and 4 more", "NaN", "no bounds", "saved: turned.safetensors"):  # fmt: skip
        assert part in text, part


def test_classes_that_stayed_are_only_counted() -> None:
    assert "owl" not in drawn(TURNED)
    still = replace(TURNED, classes=TURNED.classes[2:], flips=(), became_wrong=0)
    text = drawn(still)
    assert "Accuracy by class" not in text
    assert "0 of 359 examples flipped" in text


def test_a_regression_has_amounts_and_no_classes() -> None:
    shown = (ShownExample(3, (150.0,), (140.25,), (161.5,), (0.1,), (0.4,)),)
    text = drawn(replace(TURNED, classes=(), flips=(), shown=shown, part="train"))
    for part in ("on 359 training examples", "150", "140", "162", "+0.300"):
        assert part in text
    assert "flipped" not in text
    assert "by class" not in text


@pytest.mark.parametrize("width", [40, 60, 100])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(len(line) for line in drawn(TURNED, width).splitlines()) <= width


def test_what_became_better_is_green_and_what_became_worse_red() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard")
    better = (Compared("loss", 0.5, 0.25, -0.25), Compared("accuracy", 0.9, 0.8, -0.1))
    console.print(turn_page(replace(TURNED, measures=better), 80))
    text = console.file.getvalue()
    assert "\x1b[32m-0.250" in text
    assert "\x1b[31m-10.0%" in text
