from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from rule_contract import BETAS, DECAYS, RATES, SEEDS, check_rule, names, steps_of


@given(
    options=st.fixed_dictionaries(
        {
            "lr": RATES,
            "betas": BETAS,
            "weight_decay": DECAYS,
            "maximize": st.booleans(),
            "foreach": st.booleans(),
        }
    ),
    seed=SEEDS,
)
def test_the_parts_add_up(options: dict[str, object], seed: int) -> None:
    check_rule("Adamax", options, seed)


def test_the_numbers_of_a_hand_calculation() -> None:
    options = {"lr": 0.5, "betas": (0.5, 0.75), "eps": 0.0}
    first, second = steps_of("Adamax", options, steps=2, dtype=torch.float64)
    g1, g2 = first.start.gradient, second.start.gradient
    assert g1 is not None
    assert g2 is not None
    largest = torch.maximum(0.75 * g1.abs(), g2.abs())
    expected = [-0.5 / 0.75 * 0.5 * g2 / largest, -0.5 / 0.75 * 0.5 * 0.5 * g1 / largest]
    assert names(second) == ["gradient", "earlier gradients", "rounding of the memory"]
    for term, value in zip(second.terms[:-1], expected, strict=True):
        torch.testing.assert_close(term.value, value, rtol=1e-13, atol=0)
