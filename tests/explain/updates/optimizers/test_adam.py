from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rule_contract import BETAS, DECAYS, RATES, SEEDS, check_rule, names, steps_of

from weightdesk.explain.updates.optimizers.adam import adam


@given(
    name=st.sampled_from(["Adam", "AdamW"]),
    options=st.fixed_dictionaries(
        {
            "lr": RATES,
            "betas": BETAS,
            "weight_decay": DECAYS,
            "amsgrad": st.booleans(),
            "maximize": st.booleans(),
            "foreach": st.booleans(),
        }
    ),
    seed=SEEDS,
)
def test_the_parts_add_up(name: str, options: dict[str, object], seed: int) -> None:
    check_rule(name, options, seed)


def test_the_parts_of_the_fused_kernel_add_up() -> None:
    for step in steps_of("AdamW", {"lr": 0.01, "fused": True}, weights=1000):
        assert step.remainder.max() <= 4


def test_the_first_step_has_no_memory_and_the_size_of_the_learning_rate() -> None:
    (step,) = steps_of("Adam", {"lr": 0.5, "eps": 0.0}, steps=1, dtype=torch.float64)
    assert step.start.gradient is not None
    torch.testing.assert_close(step.terms[0].value, -0.5 * step.start.gradient.sign(), rtol=1e-12, atol=0)
    assert not step.terms[1].value.any()


def test_the_numbers_of_a_hand_calculation() -> None:
    options = {"lr": 0.5, "betas": (0.5, 0.75), "eps": 0.125, "weight_decay": 0.25}
    first, second = steps_of("AdamW", options, steps=2, dtype=torch.float64)
    g1, g2 = first.start.gradient, second.start.gradient
    assert g1 is not None
    assert g2 is not None
    root = ((0.75 * 0.25 * g1**2 + 0.25 * g2**2) / (1 - 0.75**2)).sqrt() + 0.125
    expected = {
        "gradient": -0.5 / 0.75 * 0.5 * g2 / root,
        "earlier gradients": -0.5 / 0.75 * 0.5 * 0.5 * g1 / root,
        "decoupled weight decay": -0.5 * 0.25 * second.start.weight,
    }
    assert names(second) == [*expected, "rounding of the memory"]
    for term in second.terms[:-1]:
        torch.testing.assert_close(term.value, expected[term.name], rtol=1e-13, atol=0)


@pytest.mark.parametrize("amsgrad", [False, True])
def test_amsgrad_remembers_the_largest_second_moment(amsgrad: bool) -> None:
    *_, last = steps_of("Adam", {"lr": 0.1, "betas": (0.0, 0.1), "amsgrad": amsgrad})
    assert ("1/(√v̂max+ε)" in last.split.per_gradient) == amsgrad
    assert ("max_exp_avg_sq" in last.split.state) == amsgrad


def test_a_capturable_optimizer_corrects_its_bias_in_single_precision() -> None:
    (step,) = steps_of("Adam", {"lr": 0.5, "eps": 0.0}, steps=1, dtype=torch.float64)
    captured = replace(step.start, options={**step.start.options, "capturable": True})
    rounded, exact = (float(adam(start).per_gradient["1/(√v̂+ε)"][0]) for start in (captured, step.start))
    assert rounded / exact == pytest.approx((float(1 - torch.tensor(0.999)) / (1 - 0.999)) ** 0.5, rel=1e-9)
    assert rounded != pytest.approx(exact, rel=1e-6)


def test_a_learning_rate_of_zero_moves_nothing() -> None:
    (step,) = steps_of("Adam", {"lr": 0.0, "weight_decay": 0.1}, steps=1)
    assert not any(term.value.any() for term in step.terms)
