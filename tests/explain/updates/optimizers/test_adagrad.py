from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from rule_contract import DECAYS, RATES, SEEDS, check_rule, steps_of


@given(
    options=st.fixed_dictionaries(
        {
            "lr": RATES,
            "lr_decay": st.sampled_from([0.0, 0.1]),
            "initial_accumulator_value": st.sampled_from([0.0, 0.1]),
            "weight_decay": DECAYS,
            "maximize": st.booleans(),
            "foreach": st.booleans(),
        }
    ),
    seed=SEEDS,
)
def test_the_parts_add_up(options: dict[str, float], seed: int) -> None:
    check_rule("Adagrad", options, seed)


def test_the_second_step_divides_by_both_gradients_and_slows_down() -> None:
    first, second = steps_of(
        "Adagrad", {"lr": 0.5, "lr_decay": 0.25, "eps": 0.0}, steps=2, dtype=torch.float64
    )
    assert first.start.gradient is not None
    assert second.start.gradient is not None
    root = (first.start.gradient**2 + second.start.gradient**2).sqrt()
    expected = -0.5 / 1.25 * second.start.gradient / root
    torch.testing.assert_close(second.terms[0].value, expected, rtol=1e-14, atol=0)
    assert len(second.terms) == 1
