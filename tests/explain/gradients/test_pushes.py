from __future__ import annotations

import warnings

import pytest
import torch
from gradient_networks import CASES, UNKNOWN, cases
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from weightdesk.explain.gradients.pushes import factors, is_opaque, unit_axes
from weightdesk.explain.tracing import trace, untouched
from weightdesk.explain.weight import find_weight


@pytest.mark.parametrize("name", [name for name in CASES if name not in UNKNOWN])
def test_the_factors_are_the_slope_of_the_result(name: str) -> None:
    """∂z/∂w is x where the weight acts, and zero elsewhere."""
    case = cases()[name]
    case.model.eval()
    model = case.model
    with untouched(model):
        stations = trace(model, case.inputs, cut=True).stations
    for station in stations:
        for role in station.roles:
            parameter = dict(model.named_parameters())[role.name]
            index = tuple(size // 2 for size in parameter.shape)
            weight = find_weight(model, role.name, index)
            assert not is_opaque(station, weight)
            found = factors(station, weight)
            expected = torch.zeros_like(station.result)
            for position in range(station.result.numel()):
                chosen = station.result.reshape(-1)[position]
                (gradient,) = torch.autograd.grad(chosen, parameter, retain_graph=True)
                expected.view(-1)[position] = weight.element(gradient)
            ours = torch.zeros_like(expected)
            if found is not None:
                assert len(set(found.positions.tolist())) == len(found.positions)
                ours.view(-1)[found.positions] = found.x
            if name == "counted words" and role.name == "0.weight":
                ours *= (ours != 0).sum()  # here torch divides by what the whole batch holds
                continue
            assert torch.allclose(ours, expected, atol=1e-13), (role.name, index)


@given(
    size=st.integers(4, 7),
    kernel=st.integers(1, 4),
    dilation=st.integers(1, 2),
    padding=st.sampled_from(["same", "valid"]),
)
def test_named_paddings(size: int, kernel: int, dilation: int, padding: str) -> None:
    kernel = min(kernel, (size - 1) // dilation + 1)
    layer = nn.Conv1d(1, 1, kernel, padding=padding, dilation=dilation).double()
    x = torch.randn(2, 1, size).double()
    with warnings.catch_warnings(), untouched(layer):
        warnings.filterwarnings("ignore", "Using padding='same'")
        [station] = trace(layer, x).stations
    total = torch.zeros_like(station.result).reshape(-1)
    for i in range(kernel):
        found = factors(station, find_weight(layer, "weight", (0, 0, i)))
        assert found is not None
        total[found.positions] += found.x * layer.weight[0, 0, i].item()
    assert torch.allclose(total.view_as(station.result) + layer.bias.item(), station.result, atol=1e-12)


def test_units_lie_where_the_operation_puts_them() -> None:
    for layer, inputs, axes in [
        (nn.Linear(3, 2), torch.randn(4, 5, 3), (2,)),
        (nn.Conv2d(1, 2, 1), torch.randn(1, 3, 3), (0,)),
        (nn.Embedding(3, 2), torch.tensor([0, 1]), (1,)),
        (nn.BatchNorm2d(3), torch.randn(2, 3, 4, 4), (1,)),
        (nn.LayerNorm((3, 4)), torch.randn(2, 3, 4), (1, 2)),
        (nn.PReLU(), torch.randn(2, 3), (1,)),
    ]:
        with untouched(layer):
            [station] = trace(layer, inputs).stations
        assert unit_axes(station) == axes


def test_a_bias_that_is_also_the_weight_counts_twice() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2, 2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.addmm(self.weight[0], x, self.weight)

    model = Both()
    with untouched(model):
        [station] = trace(model, torch.tensor([[3.0, 4.0]])).stations
    found = factors(station, find_weight(model, "weight", (0, 1)))
    assert found is not None
    assert sorted(zip(found.positions.tolist(), found.x.tolist(), strict=True)) == [(1, 1.0), (1, 3.0)]


def test_unknown_operations_are_opaque() -> None:
    layer = nn.PReLU()
    with untouched(layer):
        [station] = trace(layer, torch.randn(2, 3)).stations
    assert is_opaque(station, find_weight(layer, "weight", 0))
