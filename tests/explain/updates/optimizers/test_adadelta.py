from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from rule_contract import DECAYS, RATES, SEEDS, check_rule, steps_of


@given(
    options=st.fixed_dictionaries(
        {
            "lr": RATES,
            "rho": st.sampled_from([0.9, 0.5]),
            "weight_decay": DECAYS,
            "maximize": st.booleans(),
            "foreach": st.booleans(),
        }
    ),
    seed=SEEDS,
)
def test_the_parts_add_up(options: dict[str, float], seed: int) -> None:
    check_rule("Adadelta", options, seed)


def test_the_second_step_is_scaled_by_the_first_move() -> None:
    first, second = steps_of("Adadelta", {"lr": 1.0, "rho": 0.75, "eps": 0.5}, steps=2, dtype=torch.float64)
    g1, g2 = first.start.gradient, second.start.gradient
    assert g1 is not None
    assert g2 is not None
    move = 0.5**0.5 / (0.25 * g1**2 + 0.5).sqrt() * g1
    root = (0.75 * 0.25 * g1**2 + 0.25 * g2**2 + 0.5).sqrt()
    expected = -((0.25 * move**2 + 0.5).sqrt() / root * g2)
    torch.testing.assert_close(second.terms[0].value, expected, rtol=1e-13, atol=0)
