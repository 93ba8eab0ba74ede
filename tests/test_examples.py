"""The examples: each one runs as its user would run it, without a warning, and prints its answer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_the_example_prints_an_answer(example: Path, tmp_path: Path) -> None:
    out = _run(example, tmp_path)
    assert out.strip()
    if check := _CHECKS.get(example.stem):
        check(out)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_the_example_is_short_and_says_which_question_it_answers(example: Path) -> None:
    lines = example.read_text(encoding="utf-8").splitlines()
    assert len(lines) < 40
    assert re.match(r'""".*\?.*"""$', lines[0])


def _run(example: Path, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def _the_foreign_tracks_are_silent(out: str) -> None:
    silent = {line.split()[0] for line in out.splitlines() if line.endswith("exactly zero")}
    assert silent == {"lead", "strings", "bell"}


def _the_loss_falls(out: str) -> None:
    rows = [line.split() for line in out.splitlines()[1:12]]
    losses = [float(row[1]) for row in rows]
    assert losses[-1] < 0.1 < 0.9 < losses[0]


def _zeros_are_silent_and_orthogonal_is_not(out: str) -> None:
    last = {line.split()[0]: float(line.split()[-1]) for line in out.splitlines()[1:-1]}
    assert last["zeros"] == 0.0
    assert last["orthogonal"] > 0.1


def _not_turns_an_opinion_around(out: str) -> None:
    rows = {line[:26].strip(): line[26:].split() for line in out.splitlines() if line.startswith("The ")}
    good = {sentence: int(shares[3].rstrip("%")) for sentence, shares in rows.items()}
    assert good["The plot is not superb."] < 10 < 90 < good["The plot is superb."]
    assert good["The band falls flat."] < 10 < good["The band rents a flat."]


_CHECKS = {
    "can_i_train_on_my_own_sentences": _not_turns_an_opinion_around,
    "mixdown_with_l1": _the_foreign_tracks_are_silent,
    "radio_three_knobs": _the_loss_falls,
    "initialisations_at_step_zero": _zeros_are_silent_and_orthogonal_is_not,
}
