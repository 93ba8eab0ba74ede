"""Dead units are those planted; the bound on their rate is that of binomials."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta
from torch import nn

from weightdesk.capture import Specimen
from weightdesk.capture.examples import dead_units
from weightdesk.capture.examples.dead import largest_rate
from weightdesk.capture.layers import layers_of


def planted(activation: nn.Module) -> Specimen:
    """Unit 0 lives, unit 1 is far below 0, unit 2 is constant above 0, unit 3 lives in one example."""
    net = nn.Sequential(nn.Linear(2, 4), activation)
    net[0].weight.data = torch.tensor([[1.0, 0.0], [0.1, 0.0], [0.0, 0.0], [0.0, 1.0]])
    net[0].bias.data = torch.tensor([0.0, -90.0, 1.0, -0.5])
    inputs = torch.rand(20, 2, generator=torch.Generator().manual_seed(0))
    inputs[:, 1] = 0.0
    inputs[7, 1] = 1.0
    return Specimen(net, inputs)


def test_dead_units_are_the_silent_and_the_constant() -> None:
    whole = planted(nn.ReLU())
    page = dead_units(whole, layers_of(whole.model, whole.inputs)[0], untrained=whole.model)
    assert page.dead == [1, 2]
    assert page.activity.active.tolist() == [20, 0, 20, 1]
    assert page.activity.silent.tolist() == [False, True, False, False]
    assert page.title.startswith("2 of 4 units of 0 are dead: such a unit speaks in at most 13.91%")
    assert page.to_arrow()["unit"].to_pylist()[:2] == [1, 2]
    assert page.to_arrow()["dead"].to_pylist() == ["dead", "dead", "", ""]
    assert page.sections()[1].table["dead"].to_pylist()[::2] == [2, 2]


@pytest.mark.parametrize(
    ("activation", "dead"),
    [
        (nn.LeakyReLU(), [1, 2]),
        (nn.GELU(), [1, 2]),
        (nn.Tanh(), [1, 2]),
        (nn.Softsign(), [2]),
        (nn.Identity(), [2]),
    ],
    ids=["leaky", "gelu", "tanh", "softsign", "none"],
)
def test_below_zero_is_dead_only_where_that_says_little(activation: nn.Module, dead: list[int]) -> None:
    whole = planted(activation)
    assert dead_units(whole, layers_of(whole.model, whole.inputs)[0]).dead == dead


def test_a_layer_without_dead_units_says_only_that() -> None:
    net, inputs = nn.Linear(2, 3), torch.randn(10, 2)
    assert dead_units(Specimen(net, inputs), layers_of(net, inputs)[0]).title == "0 of 3 units of  are dead"


@given(st.integers(1, 10**6))
def test_the_bound_is_that_of_clopper_and_pearson_and_about_three_over_n(examples: int) -> None:
    assert largest_rate(examples) == pytest.approx(beta.ppf(0.95, 1, examples), rel=1e-6)
    assert largest_rate(examples) <= 3 / examples


def test_the_same_bits_each_time() -> None:
    whole = planted(nn.ReLU())
    layer = layers_of(whole.model, whole.inputs)[0]
    first, second = (dead_units(whole, layer, seed=4).networks["scrambled weights"] for _ in range(2))
    assert torch.equal(first.largest, second.largest)
    assert torch.equal(first.active, second.active)
