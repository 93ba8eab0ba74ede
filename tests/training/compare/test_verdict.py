from __future__ import annotations

import math
import re
from typing import Any

import pytest

from weightdesk.training.compare.finals import contests, ranked
from weightdesk.training.compare.results import Result
from weightdesk.training.compare.verdict import verdict


def results(score: str = "accuracy", **settings: list[float]) -> dict[str, list[Result]]:
    nowhere: Any = None
    return {
        name: [
            Result(f"{name}{seed}", name, seed, nowhere, score, "test data", {score: value, "loss": 1.0}, {})
            for seed, value in enumerate(values)
        ]
        for name, values in settings.items()
    }


def test_a_clear_winner_beats_the_second_and_the_others() -> None:
    found = results(a=[0.93, 0.92, 0.94, 0.93], b=[0.71, 0.72, 0.70, 0.72], c=[0.1, 0.1, 0.1, 0.2])
    assert verdict(found) == (
        "a beats b: test accuracy 93.0 % against 71.2 %, difference 21.8 points (95 %: 19.0 to 24.5), "
        "paired over 4 seeds p < 0.001; a also beats c"
    )
    assert ranked(found) == ["a", "b", "c"]


def test_settings_that_differ_no_more_than_seeds_are_not_told_apart() -> None:
    found = verdict(results(a=[0.9, 0.8, 0.7], b=[0.8, 0.9, 0.6], c=[0.1, 0.1, 0.1]))
    assert found.startswith("a and b cannot be told apart: test accuracy 80.0 % against 76.7 %")
    assert found.endswith("a also beats c")


def test_one_seed_proves_nothing() -> None:
    assert verdict(results(a=[0.9], b=[0.1])) == (
        "a is ahead of b on a single seed, which proves nothing: test accuracy 90.0 % against 10.0 %, "
        "difference 80.0 points"
    )


def test_only_seeds_that_both_have_are_compared() -> None:
    found = results(a=[0.9, 0.8, 0.85], b=[0.2, 0.1, 0.1])
    del found["b"][0]
    (contest,) = contests(found)
    assert contest.seeds == 2
    assert contest.result.difference.mean == pytest.approx(0.725)
    assert "82.5 % against 10.0 %" in verdict(found)


def test_amounts_have_no_points() -> None:
    found = verdict(results("r2", a=[0.9, 0.8, 0.9], b=[0.2, 0.1, 0.2]))
    assert (
        re.search(r"test r2 0\.867 against 0\.167, difference 0\.700 \(", found)
        or "difference 0.700," in found
    )


def test_numbers_that_are_not_finite_come_last() -> None:
    found = results("r2", lost=[math.nan, math.nan], a=[0.5, 0.6])
    assert ranked(found) == ["a", "lost"]
    assert verdict(found) == (
        "a is ahead of lost, whose numbers are no longer finite: test r2 0.550 against nan"
    )
