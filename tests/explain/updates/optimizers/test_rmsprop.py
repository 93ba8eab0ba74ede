from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from rule_contract import DECAYS, RATES, SEEDS, check_rule, names, steps_of


@given(
    options=st.fixed_dictionaries(
        {
            "lr": RATES,
            "alpha": st.sampled_from([0.99, 0.5]),
            "centered": st.just(False),
            "momentum": st.sampled_from([0.0, 0.9]),
            "weight_decay": DECAYS,
            "maximize": st.booleans(),
            "foreach": st.booleans(),
        }
    ),
    seed=SEEDS,
)
def test_the_parts_add_up(options: dict[str, float], seed: int) -> None:
    check_rule("RMSprop", options, seed)


@given(lr=RATES, momentum=st.sampled_from([0.0, 0.9]), decay=DECAYS, foreach=st.booleans(), seed=SEEDS)
def test_the_parts_add_up_when_centred(
    lr: float, momentum: float, decay: float, foreach: bool, seed: int
) -> None:
    options = {"lr": lr, "momentum": momentum, "centered": True, "weight_decay": decay, "foreach": foreach}
    for step in steps_of("RMSprop", options, seed=seed):
        assert step.remainder.max() <= 4


def test_the_numbers_of_a_hand_calculation() -> None:
    options = {"lr": 0.5, "alpha": 0.75, "eps": 0.0, "momentum": 0.5, "centered": True}
    first, second = steps_of("RMSprop", options, steps=2, dtype=torch.float64)
    g1, g2 = first.start.gradient, second.start.gradient
    assert g1 is not None
    assert g2 is not None
    variances = []
    square, mean = torch.zeros_like(g1), torch.zeros_like(g1)
    for each in (g1, g2):
        square, mean = 0.75 * square + 0.25 * each**2, 0.75 * mean + 0.25 * each
        variances.append(square - mean**2)
    assert names(second) == ["gradient", "earlier gradients"]
    expected = [-0.5 * g2 / variances[1].sqrt(), -0.5 * 0.5 * g1 / variances[0].sqrt()]
    for term, value in zip(second.terms, expected, strict=True):
        torch.testing.assert_close(term.value, value, rtol=1e-12, atol=0)
