"""Expanded weights are the product of the layers: exact where the network is linear, else checked."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.capture import Specimen
from weightdesk.capture.layers import layers_of
from weightdesk.capture.pictures import ExpandedWeights, expanded_weights
from weightdesk.capture.pictures.linearised import Linearised
from weightdesk.errors import OptionError


def inputs(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(50, *shape, generator=torch.Generator().manual_seed(seed))


def expanded(net: nn.Module, given: Tensor, number: int = -1) -> ExpandedWeights:
    return expanded_weights(Specimen(net.eval(), given), layers_of(net, given)[number])


class Functional(nn.Module):
    """No modules for what is not linear."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(self.first(x).relu_(), 3, stride=2, ceil_mode=True)
        return torch.tanh(self.second(functional.leaky_relu(x)))


def test_a_linear_network_is_its_jacobian() -> None:
    """A reference that knows nothing of how it is done; batch norm, strides and padding included."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.AvgPool2d(2), nn.Conv2d(4, 5, 2)
    )
    net(inputs(2, 12, 12))
    found = expanded(net, inputs(2, 12, 12))
    height, width = net(inputs(2, 12, 12)).shape[2:]
    centre = lambda x: net(x[None])[0, :, height // 2, width // 2]  # noqa: E731
    jacobian = torch.autograd.functional.jacobian(centre, inputs(2, 12, 12)[0])
    assert torch.allclose(found.weights, jacobian, atol=1e-6)
    assert found.correlation.min() > 0.9999
    assert (found.scrambled.abs() < 0.95).all()


@settings(max_examples=10)
@given(st.integers(0, 999), st.sampled_from([nn.Identity, nn.ReLU, nn.Tanh, nn.GELU, nn.PReLU, nn.Softplus]))
def test_dense_layers_are_the_product_of_their_weights(seed: int, between: type[nn.Module]) -> None:
    torch.manual_seed(seed)
    first, second, third = nn.Linear(5, 4), nn.Linear(4, 6), nn.Linear(6, 3)
    net = nn.Sequential(first, between(), nn.Dropout(0.5), second, between(), third)
    found = expanded(net, inputs(5, seed=seed))
    product = third.weight @ second.weight @ first.weight
    assert torch.allclose(found.weights, product, atol=1e-5)
    middle = expanded(net, inputs(5, seed=seed), 1)
    assert torch.allclose(middle.weights, second.weight @ first.weight, atol=1e-5)


def test_functions_are_left_out_like_modules_and_pools_take_the_mean() -> None:
    torch.manual_seed(0)
    net = Functional()
    linear = nn.Sequential(net.first, nn.AvgPool2d(3, 2, ceil_mode=True, count_include_pad=False), net.second)
    one, other = (expanded(each, inputs(2, 9, 9)) for each in (net, linear))
    assert torch.allclose(one.weights, other.weights, atol=1e-6)
    assert other.correlation.min() > 0.9999 > one.correlation.max()


def test_every_pool_takes_the_mean_only_while_it_lasts() -> None:
    values = inputs(6)[:4].view(1, 4, 6)
    with Linearised():
        assert torch.allclose(functional.max_pool1d(values, 2), values.view(1, 4, 3, 2).mean(3))
        assert torch.allclose(functional.adaptive_max_pool1d(values, 1), values.mean(2, keepdim=True))
        assert torch.allclose(nn.AdaptiveMaxPool2d(1)(values), values.mean((1, 2), keepdim=True))
        assert torch.allclose(
            nn.MaxPool2d(2, ceil_mode=True, padding=1)(values),
            functional.avg_pool2d(values, 2, None, 1, ceil_mode=True, count_include_pad=False),
        )
        assert torch.equal(functional.relu(input=values), values)
    assert functional.relu(values).min() == 0


def test_units_far_from_the_inputs_do_not_see_all_of_them() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 70, 3, padding=1))
    found = expanded(net, inputs(1, 9, 9))
    assert found.weights.shape == (70, 1, 9, 9)
    seen = (found.weights[:, 0].abs().amax(0) > 0).nonzero()
    assert (seen.amin(0).tolist(), seen.amax(0).tolist()) == ([2, 2], [6, 6])


def test_scrambled_weights_tell_less_and_the_page_says_so() -> None:
    torch.manual_seed(0)
    net, given = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 4)), inputs(64)
    found, again = expanded(net, given), expanded(net, given)
    assert torch.equal(found.weights, again.weights)
    assert torch.equal(found.scrambled, again.scrambled)
    assert found.correlation.min() > 0.6 > found.scrambled.abs().max()
    with torch.no_grad():
        actual = net(given)
    told = torch.stack(
        [torch.corrcoef(torch.stack([given @ found.weights[k], actual[:, k]]))[0, 1] for k in range(4)]
    )
    assert torch.allclose(found.correlation, told, atol=1e-5)
    column = found.to_arrow()["correlation"].to_pylist()
    assert column == sorted(column, reverse=True)
    assert "scrambled weights" in found.title


@pytest.mark.parametrize(
    ("net", "given", "words"),
    [
        (nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 2)), inputs(4), "1 cannot be expanded: .* not linear"),
        (
            nn.Sequential(nn.Embedding(4, 3), nn.Linear(3, 2)),
            torch.zeros(3, 5).long(),
            "must be real numbers",
        ),
    ],
)
def test_what_cannot_be_expanded_says_why(net: nn.Module, given: Tensor, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        expanded(net, given)


def test_it_stops_where_progress_says_so() -> None:
    def stop(_what: str, share: float) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    net = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(KeyboardInterrupt):
        expanded_weights(Specimen(net, inputs(3)), layers_of(net, inputs(3))[0], progress=stop)
    assert not any(each._forward_hooks for each in net.modules())
