from __future__ import annotations

import pytest
import torch
from gradient_networks import Cube
from torch import nn

from weightdesk.explain.batch import batch_of
from weightdesk.explain.gradients.shares import example_shares, tensors_of
from weightdesk.explain.weight import find_weight


def test_shares_sum_to_the_gradient_of_a_loss_that_couples_the_examples() -> None:
    layer, x = nn.Linear(3, 2).double(), torch.randn(5, 3).double()
    outputs = layer(x)
    value = torch.cdist(outputs, outputs).square().logsumexp((0, 1))
    weight = find_weight(layer, "weight", (1, 2))
    expected = torch.autograd.grad(value, layer.weight, retain_graph=True)[0][1, 2].item()
    shares = example_shares(outputs, None, value, batch_of(x), weight, expected)
    assert shares is not None
    assert shares.sum().item() == pytest.approx(expected, rel=1e-12)


def test_several_outputs_are_gathered() -> None:
    layer, x = nn.Linear(1, 1), torch.tensor([[1.0], [2.0]])
    y = layer(x)
    outputs = {"double": 2 * y, "rows": [y.view(1, 2)], "none": None}
    alone = {"double": 2 * y[:1], "rows": [y[:1].view(1, 1)], "none": None}
    assert len(tensors_of(outputs)) == 2
    value = outputs["double"].sum() + outputs["rows"][0].sum()  # type: ignore[union-attr, index]
    shares = example_shares(outputs, alone, value, batch_of(x), find_weight(layer, "weight", (0, 0)), 9.0)
    assert shares is not None
    assert shares.tolist() == [3, 6]


def test_outputs_without_an_axis_of_examples_have_no_shares() -> None:
    layer, x = nn.Linear(1, 1), torch.ones(2, 1)
    mean = layer(x).mean()
    weight = find_weight(layer, "weight", (0, 0))
    assert example_shares(mean, mean, mean, batch_of(x), weight, 1.0) is None
    assert example_shares({1}, None, mean, batch_of(x), weight, 1.0) is None


def test_a_wrong_second_derivative_is_noticed() -> None:
    """Shares that do not sum to the gradient are computed again, one example at a time."""
    layer, x = nn.Linear(1, 1), torch.tensor([[1.0], [3.0]])
    outputs = layer(x)
    weight = find_weight(layer, "weight", (0, 0))
    shares = example_shares(outputs, None, outputs.sum(), batch_of(x), weight, 77.0)
    assert shares is not None
    assert shares.tolist() == [1, 3]


def test_without_a_second_derivative_there_is_a_pass_for_each_example() -> None:
    layer, x = nn.Linear(1, 1, bias=False), torch.tensor([[1.0], [2.0]])
    outputs = Cube.apply(layer(x))
    weight = find_weight(layer, "weight", (0, 0))
    value = layer.weight.item()
    shares = example_shares(outputs, None, outputs.sum(), batch_of(x), weight, 27 * value**2)
    assert shares is not None
    assert shares.tolist() == pytest.approx([3 * value**2, 24 * value**2])
