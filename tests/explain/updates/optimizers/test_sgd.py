from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from rule_contract import DECAYS, RATES, SEEDS, check_rule, names, steps_of


@given(
    options=st.fixed_dictionaries(
        {
            "lr": RATES,
            "momentum": st.sampled_from([0.0, 0.9, 0.3]),
            "dampening": st.sampled_from([0.0, 0.5]),
            "nesterov": st.booleans(),
            "weight_decay": DECAYS,
            "maximize": st.booleans(),
            "foreach": st.booleans(),
        }
    ),
    seed=SEEDS,
)
def test_the_parts_add_up(options: dict[str, float], seed: int) -> None:
    assume(not options["nesterov"] or (options["momentum"] and not options["dampening"]))
    check_rule("SGD", options, seed)


def test_the_numbers_of_a_hand_calculation() -> None:
    options = {"lr": 0.5, "momentum": 0.5, "dampening": 0.25, "weight_decay": 0.125}
    first, second = steps_of("SGD", options, steps=2, dtype=torch.float64)
    gradient, weight = second.start.gradient, second.start.weight
    assert gradient is not None
    buffer = first.start.gradient + 0.125 * first.start.weight  # dampening spares the first step
    expected = [
        -0.5 * 0.75 * gradient,
        -0.5 * 0.75 * 0.125 * weight,
        -0.5 * 0.5 * buffer,
    ]
    assert names(first) == ["gradient", "weight decay"]
    assert names(second) == ["gradient", "weight decay", "earlier gradients"]
    for term, value in zip(second.terms, expected, strict=True):
        torch.testing.assert_close(term.value, value, rtol=1e-14, atol=0)


def test_looking_ahead_counts_the_gradient_twice() -> None:
    *_, last = steps_of("SGD", {"lr": 0.5, "momentum": 0.5, "nesterov": True}, dtype=torch.float64)
    assert last.split.per_gradient["(1 + μ(1−d))"] == 1.5
    assert last.split.memory["μ²"] == 0.25


@pytest.mark.parametrize("maximize", [False, True])
def test_maximising_turns_the_gradient_but_not_the_decay(maximize: bool) -> None:
    (step,) = steps_of("SGD", {"lr": 0.5, "weight_decay": 0.5, "maximize": maximize}, steps=1)
    assert step.start.gradient is not None
    sign = 1 if maximize else -1
    assert torch.equal(step.terms[0].value, sign * 0.5 * step.start.gradient.double())
    assert torch.equal(step.terms[1].value, -0.25 * step.start.weight.double())
