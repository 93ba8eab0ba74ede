"""What is heard is what the layers give; batches make no difference; hooks are gone afterwards."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.capture.activations import activations, listening, mean_over_places, passes
from weightdesk.capture.circuits.muting import muted
from weightdesk.capture.layers import layers_of
from weightdesk.capture.pictures.target import result_of
from weightdesk.errors import OptionError


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


class Shared(nn.Module):
    """One module for the nonlinearity of two layers, a function for that of a third."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(3, 5), nn.Linear(5, 5), nn.Linear(5, 4)
        self.relu, self.function = nn.ReLU(inplace=True), function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self.third(self.relu(self.second(self.relu(self.first(x))))))


@pytest.mark.parametrize(
    "function",
    [torch.relu, torch.relu_, functional.relu, partial(functional.relu, inplace=True), torch.sigmoid,
     Tensor.tanh, partial(functional.leaky_relu, negative_slope=0.3), partial(functional.softmax, dim=1)],
)  # fmt: skip
def test_each_layer_has_its_own_activations_though_modules_are_shared(
    function: Callable[[Tensor], Tensor],
) -> None:
    model, inputs = Shared(function), torch.randn(6, 3)
    found = activations(model, inputs, layers_of(model, inputs))
    with torch.no_grad():
        first = torch.relu(model.first(inputs))
        second = torch.relu(model.second(first))
        expected = {"first": first, "second": second, "third": model(inputs)}
    for name, values in expected.items():
        torch.testing.assert_close(found[name][:, :, 0], values)


def test_batch_normalisation_stands_between_the_sums_and_the_function() -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Flatten())
    with torch.no_grad():
        model(pictures())
        model[1].weight.copy_(torch.tensor([1.0, -2.0, 0.5]))
    model.eval()
    (layer,) = layers_of(model, pictures())
    found = activations(model, pictures(), [layer])["0"]
    torch.testing.assert_close(found.flatten(1), model(pictures()).detach())
    for unit in range(3):
        with muted(model, layer, unit), torch.no_grad():
            assert not model(pictures()).view(7, 3, -1)[:, unit].any()
    torch.testing.assert_close(result_of(model, layer, pictures()), model[1](model[0](pictures())))


@pytest.mark.parametrize(
    "function", [torch.relu, torch.sigmoid, torch.tanh, partial(functional.softmax, dim=1)]
)
def test_a_muted_unit_gives_0_after_whatever_function(function: Callable[[Tensor], Tensor]) -> None:
    model, inputs = Shared(function), torch.randn(6, 3)
    third = layers_of(model, inputs)[2]
    with muted(model, third, 1), torch.no_grad():
        assert model(inputs)[:, 1].tolist() == [0.0] * 6
        assert model(inputs)[:, [0, 2, 3]].any()


def test_what_never_gives_0_cannot_be_muted() -> None:
    model, inputs = Shared(partial(functional.log_softmax, dim=1)), torch.randn(6, 3)
    with muted(model, layers_of(model, inputs)[2], 1), pytest.raises(OptionError, match="third: no weighted"):
        model(inputs)


def test_hooks_are_removed_even_after_an_error() -> None:
    model, inputs = network(), pictures()
    layer = layers_of(model, inputs)[0]
    with pytest.raises(RuntimeError), listening(model, [layer], before=True):
        model(torch.zeros(1, 2, 4, 4))
    assert not any(module._forward_hooks for module in model.modules())


def test_gradients_flow_through_what_is_heard() -> None:
    model, inputs = network(), pictures(1).requires_grad_()
    layer = layers_of(model, inputs.detach())[0]
    with listening(model, [layer]) as heard:
        model(inputs)
    heard["0"].sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.abs().sum() > 0
