from __future__ import annotations

import pytest
import torch
from ablated_networks import Tied, ablated, classes, normal
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.explain.importance import importance
from weightdesk.explain.importance.layer import Layer, find_layer
from weightdesk.explain.tracing import trace, untouched


def layer_of(model: nn.Module, inputs: Tensor, name: str) -> Layer | None:
    with untouched(model):
        return find_layer(model, trace(model, inputs, cut=True), name, len(inputs))


CASES = {
    "linear": (lambda: nn.Linear(4, 3), normal(5, 4)),
    "linear with places": (lambda: nn.Linear(4, 3), normal(5, 2, 4)),
    "convolution": (lambda: nn.Conv2d(4, 6, (3, 2), stride=2, padding=1, groups=2), normal(5, 4, 6, 6)),
    "circular": (lambda: nn.Conv1d(2, 3, 3, padding=1, padding_mode="circular"), normal(5, 2, 6)),
    "embedding": (lambda: nn.Embedding(7, 3), torch.arange(15).reshape(5, 3) % 6),
    "layer norm": (lambda: nn.LayerNorm(4), normal(5, 2, 4)),
    "batch norm": (lambda: nn.BatchNorm2d(4).eval(), normal(5, 4, 3, 3)),
    "group norm": (lambda: nn.GroupNorm(2, 4), normal(5, 4, 3)),
}


@pytest.mark.parametrize("case", CASES)
def test_displacements_are_what_the_layer_loses(case: str) -> None:
    torch.manual_seed(0)
    make, inputs = CASES[case]
    model = make().double()
    for name, parameter in model.named_parameters():
        nn.init.normal_(parameter)
        layer = layer_of(model, inputs, name)
        assert layer is not None
        before = model(inputs).detach()
        for unit in range(layer.units):
            row = layer.row(unit)
            removed = torch.rand(2, *row.shape, generator=torch.Generator().manual_seed(unit)) < 0.5
            found = layer.displacements(unit, row * removed)
            for variant, gone in enumerate(removed):
                kept = parameter.detach().clone()
                kept.select(layer.unit_axis, unit).masked_fill_(gone, 0)
                after = torch.func.functional_call(model, {name: kept}, (inputs,))
                expected = (after - before).select(layer.axis, unit)
                torch.testing.assert_close(found[variant], expected.detach(), rtol=0, atol=1e-12)


@settings(max_examples=15)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(1, 2), st.integers(0, 2))
def test_convolutions_of_any_form(channels: int, size: int, stride: int, dilation: int, padding: int) -> None:
    torch.manual_seed(channels)
    convolution = nn.Conv1d(channels, 2, size, stride=stride, dilation=dilation, padding=padding)
    model = nn.Sequential(
        convolution, nn.Tanh(), nn.AdaptiveAvgPool1d(2), nn.Flatten(), nn.Linear(4, 3)
    ).double()
    inputs, targets = normal(4, channels, 8), classes(4)
    found = importance(model, inputs, targets, functional.cross_entropy, "0.weight")
    torch.testing.assert_close(found.values, ablated(model, inputs, targets, "0.weight"), rtol=0, atol=1e-13)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, need_weights=False)[0].mean(1)


@pytest.mark.parametrize("name", ["attention.in_proj_weight", "attention.out_proj.weight"])
def test_projections_within_attention_have_no_layer_of_their_own(name: str) -> None:
    torch.manual_seed(0)
    model, inputs, targets = Attention().double(), normal(5, 3, 4), classes(5, 4)
    assert layer_of(model, inputs, name) is None
    found = importance(model, inputs, targets, functional.cross_entropy, name, level="unit").values
    assert found.count_nonzero() > 0


def test_what_is_used_twice_or_not_by_example_has_no_layer() -> None:
    assert layer_of(Tied(), normal(5, 4).float(), "encode.weight") is None
    assert layer_of(nn.LayerNorm((2, 4)), normal(5, 2, 4).float(), "weight") is None
    twice = nn.Linear(4, 4)
    assert layer_of(nn.Sequential(twice, twice), normal(5, 4).float(), "0.weight") is None
    assert layer_of(nn.PReLU(), normal(5, 4).float(), "weight") is None


def test_a_layer_with_a_hook_of_the_users_is_left_alone() -> None:
    model = nn.Sequential(nn.Linear(4, 3))
    model[0].register_forward_hook(lambda module, inputs, result: 2 * result)
    assert layer_of(model, normal(5, 4).float(), "0.weight") is None
    found = importance(model, normal(5, 4).float(), classes(5), functional.cross_entropy, "0.weight")
    assert "whole" in found.engine
