from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rule_contract import BETAS, DECAYS, RATES, SEEDS, check_rule, names, steps_of

from weightdesk.explain.updates.optimizers.radam import rectification


@given(
    options=st.fixed_dictionaries(
        {
            "lr": RATES,
            "betas": BETAS,
            "weight_decay": DECAYS,
            "decoupled_weight_decay": st.booleans(),
            "maximize": st.booleans(),
            "foreach": st.booleans(),
        }
    ),
    seed=SEEDS,
)
def test_the_parts_add_up(options: dict[str, object], seed: int) -> None:
    check_rule("RAdam", options, seed)


@pytest.mark.parametrize("foreach", [False, True])
def test_the_second_moment_counts_only_from_the_sixth_step_on(foreach: bool) -> None:
    scaled = [
        "rectification" in step.split.memory for step in steps_of("RAdam", {"lr": 0.1, "foreach": foreach})
    ]
    assert scaled == [False] * 5 + [True] * 4


def test_the_numbers_of_a_hand_calculation() -> None:
    options = {"lr": 0.5, "betas": (0.5, 0.999), "eps": 0.0}
    *_, last = steps_of("RAdam", options, steps=6, dtype=torch.float64)
    root = (last.state["exp_avg_sq"] / (1 - 0.999**6)).sqrt()
    factor = -0.5 / (1 - 0.5**6) * rectification(0.999, 6.0) / root
    assert last.start.gradient is not None
    expected = [factor * 0.5 * last.start.gradient, factor * 0.5 * last.start.state["exp_avg"]]
    assert names(last) == ["gradient", "earlier gradients", "rounding of the memory"]
    for term, value in zip(last.terms[:-1], expected, strict=True):
        torch.testing.assert_close(term.value, value, rtol=1e-12, atol=0)


def test_the_rectification_is_that_of_the_paper() -> None:
    longest = 2 / (1 - 0.99) - 1
    length = longest - 2 * 50 * 0.99**50 / (1 - 0.99**50)
    expected = math.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
    assert rectification(0.99, 50.0) == pytest.approx(expected, rel=1e-14)
    assert rectification(0.99, torch.tensor(50.0)) == pytest.approx(expected, rel=1e-4)


def test_a_learning_rate_of_zero_moves_nothing() -> None:
    for step in steps_of("RAdam", {"lr": 0.0, "foreach": True}, steps=7):
        assert not any(term.value.any() for term in step.terms)
