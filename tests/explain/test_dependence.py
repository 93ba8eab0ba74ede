"""The loss without a weight is that of a model in which it is zero, and the model is as before."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from weightdesk.errors import IndexRangeError, UnknownParameterError
from weightdesk.explain.dependence import explain_dependence


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.3), nn.Linear(5, 4)
    ).double()


INPUTS = torch.randn(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
TARGETS = torch.arange(20) % 4


@pytest.mark.parametrize("training", [True, False])
def test_it_is_the_loss_of_a_model_with_zero_there(training: bool) -> None:
    model = network().train(training)
    before = copy.deepcopy(model.state_dict())
    found = explain_dependence(model, INPUTS, TARGETS, cross_entropy, "4.weight", (1, -1), seed=3)
    muted = copy.deepcopy(model)
    muted[4].weight.data[1, 4] = 0.0
    with torch.random.fork_rng():
        torch.manual_seed(3)
        expected = muted(INPUTS)
        torch.manual_seed(3)
        present = copy.deepcopy(model)(INPUTS)
    assert found.without == cross_entropy(expected, TARGETS).item()
    assert found.loss == cross_entropy(present, TARGETS).item()
    assert found.flipped == (expected.argmax(1) != present.argmax(1)).sum()
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())
    assert model[4].weight.grad is None


def test_the_tangent_is_right_for_a_small_weight() -> None:
    model = network().eval()
    model[0].weight.data[2, 1] = 1e-6
    found = explain_dependence(model, INPUTS, TARGETS, cross_entropy, "0.weight", (2, 1))
    assert found.change == pytest.approx(found.tangent, rel=1e-3)


def test_an_amount_has_no_flips() -> None:
    model = nn.Linear(3, 1)
    found = explain_dependence(model, torch.ones(2, 3), torch.ones(2, 1), mse_loss, "weight", (0, 0))
    assert found.flipped is None
    assert found.to_arrow().num_rows == 4
    assert "weight[0, 0] set to zero" in found.title


def test_the_weight_is_put_back_after_an_error() -> None:
    model = nn.Linear(3, 1)
    before = model.weight.detach().clone()
    calls = iter([mse_loss])

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return next(calls)(outputs, targets)  # fails the second time

    with pytest.raises(StopIteration):
        explain_dependence(model, torch.ones(2, 3), torch.ones(2, 1), loss, "weight", (0, 0))
    assert torch.equal(model.weight, before)


def test_unknown_weights_are_refused() -> None:
    with pytest.raises(UnknownParameterError, match="did you mean weight"):
        explain_dependence(nn.Linear(1, 1), None, None, mse_loss, "wieght", (0, 0))
    with pytest.raises(IndexRangeError):
        explain_dependence(nn.Linear(1, 1), None, None, mse_loss, "weight", (0, 1))
