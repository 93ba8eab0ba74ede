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
            "momentum_decay": st.sampled_from([4e-3, 0.5]),
            "weight_decay": DECAYS,
            "decoupled_weight_decay": st.booleans(),
            "maximize": st.booleans(),
            "foreach": st.booleans(),
        }
    ),
    seed=SEEDS,
)
def test_the_parts_add_up(options: dict[str, object], seed: int) -> None:
    check_rule("NAdam", options, seed)


def test_the_numbers_of_a_hand_calculation() -> None:
    options = {"lr": 0.5, "betas": (0.5, 0.75), "eps": 0.0, "momentum_decay": 0.0}
    first, second = steps_of("NAdam", options, steps=2, dtype=torch.float64)
    g1, g2 = first.start.gradient, second.start.gradient
    assert g1 is not None
    assert g2 is not None
    root = ((0.75 * 0.25 * g1**2 + 0.25 * g2**2) / (1 - 0.75**2)).sqrt()
    mu = 0.5 * 0.5  # the same at every step, since it does not decay
    ahead = mu / (1 - mu**3)
    expected = {
        "gradient": -0.5 * ((1 - mu) / (1 - mu**2) + 0.5 * ahead) * g2 / root,
        "earlier gradients": -0.5 * ahead * 0.5 * 0.5 * g1 / root,
    }
    assert names(second) == [*expected, "rounding of the memory"]
    for term in second.terms[:-1]:
        torch.testing.assert_close(term.value, expected[term.name], rtol=1e-13, atol=0)
