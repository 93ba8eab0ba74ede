from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from gradient_networks import cases
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.autograd.functional import jacobian

from weightdesk.explain.gradients.jacobian import column, derivative
from weightdesk.explain.tracing import trace, untouched


@given(seed=st.integers(0, 2**31), position=st.integers(0, 5))
def test_a_derivative_is_a_column_of_the_jacobian(seed: int, position: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight, x = (torch.randn(shape, generator=generator).double() for shape in ((6, 4), (6,)))
    function = lambda x: torch.tanh(x @ weight).softmax(0)  # noqa: E731
    x.requires_grad_()
    found = derivative(function(x), x, position)
    assert torch.allclose(found, jacobian(function, x)[:, position], atol=1e-14)


def test_what_does_not_depend_has_no_derivative() -> None:
    x, y = (torch.ones(2, requires_grad=True) for _ in range(2))
    assert not derivative(x * 2, y, 0).any()
    assert not derivative(torch.sign(x), x, 0).any()


@pytest.mark.parametrize("name", ["mlp", "convolutions", "one axis", "three axes", "gpt", "batch norm"])
def test_the_short_way_through_a_linear_map_is_the_long_one(name: str) -> None:
    case = cases()[name]
    with untouched(case.model):
        stations = trace(case.model, case.inputs, cut=True).stations
    for before, after in pairwise(stations):
        assert before.leaf is not None
        for position in (0, before.result.numel() // 2):
            found = column(after, before.leaf, position)
            dense = torch.zeros_like(after.result)
            dense.view(-1)[found.positions] = found.values
            assert torch.allclose(dense, derivative(after.result, before.leaf, position), atol=1e-12)


def test_the_slope_is_that_of_the_activation() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 2)).double()
    with untouched(model):
        first, last = trace(model, torch.ones(1, 2).double(), cut=True).stations
    assert first.leaf is not None
    found = column(last, first.leaf, 1)
    sigmoid = torch.sigmoid(first.result[0, 1]).item()
    assert found.slope == pytest.approx(sigmoid * (1 - sigmoid))
    assert found.activation == pytest.approx(sigmoid)
