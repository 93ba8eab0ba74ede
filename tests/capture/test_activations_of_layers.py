"""What is heard is what the layers give; batches make no difference; hooks are gone afterwards."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from weightdesk.capture.activations import activations, listening, mean_over_places, passes
from weightdesk.capture.layers import layers_of


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(12, 2), nn.Tanh()
    ).eval()


def pictures(count: int = 7) -> Tensor:
    return torch.randn(count, 1, 4, 4, generator=torch.Generator().manual_seed(1))


@given(st.integers(1, 9))
def test_batches_make_no_difference(batch: int) -> None:
    model, inputs = network(), pictures()
    found = activations(model, inputs, layers_of(model, inputs), batch=batch)
    expected = model[1](model[0](inputs)).detach()
    assert torch.allclose(found["0"], expected.flatten(2), atol=1e-6)
    assert torch.allclose(found["3"], model(inputs).detach()[..., None], atol=1e-6)


def test_before_gives_the_weighted_sums_though_the_network_goes_on_in_place() -> None:
    model, inputs = network(), pictures()
    found = activations(model, inputs, layers_of(model, inputs), before=True)
    assert torch.equal(found["0"], model[0](inputs).detach().flatten(2))
    assert (found["0"] < 0).any()


def test_reading_shrinks_each_batch() -> None:
    model, inputs = network(), pictures()
    layers = layers_of(model, inputs)
    found = activations(model, inputs, layers, mean_over_places, batch=3)["0"]
    assert torch.allclose(found, activations(model, inputs, layers)["0"].mean(2))


def test_passes_give_one_batch_at_a_time_and_the_same_bits_each_time() -> None:
    model, inputs = network(), pictures()
    layers = layers_of(model, inputs)
    first, second = ([each["0"].clone() for each in passes(model, inputs, layers, batch=3)] for _ in range(2))
    assert [len(each) for each in first] == [3, 3, 1]
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))


def test_hooks_are_removed_even_after_an_error() -> None:
    model, inputs = network(), pictures()
    layer = layers_of(model, inputs)[0]
    with pytest.raises(RuntimeError), listening(model, {layer.name: layer}):
        model(torch.zeros(1, 2, 4, 4))
    assert not any(module._forward_hooks for module in model.modules())


def test_gradients_flow_through_what_is_heard() -> None:
    model, inputs = network(), pictures(1).requires_grad_()
    layer = layers_of(model, inputs.detach())[0]
    with listening(model, {layer.activated: layer}) as heard:
        model(inputs)
    heard["0"].sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.abs().sum() > 0
