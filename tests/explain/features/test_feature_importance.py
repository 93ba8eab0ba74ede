"""Planted networks name their informative input in all three ways; closed forms; nothing changes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.inspection import permutation_importance
from torch import Tensor, nn
from torch.nn import functional
from trainings import small_batch, small_network

from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.explain.features import FeatureImportance, feature_importance
from weightdesk.explain.features.agreement import agreements, verdict


def linear(weights: list[float], bias: float = 0.0) -> nn.Linear:
    layer = nn.Linear(len(weights), 1).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([weights]))
        layer.bias.fill_(bias)
    return layer


def data(examples: int, features: int, seed: int = 0) -> Tensor:
    return torch.randn(examples, features, generator=torch.Generator().manual_seed(seed)).double()


def total(outputs: Tensor, targets: Any) -> Tensor:
    return outputs.mean()


def test_a_planted_informative_input_comes_first_in_all_three_ways() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1)).double()
    with torch.no_grad():
        model[0].weight[:, [0, 1, 3, 4]] = 0
    inputs = data(200, 5)
    found = feature_importance(model, inputs, model(inputs).detach(), functional.mse_loss, baseline=0.5)
    assert found.weights is not None
    for values in (found.weights, found.gradients, found.permutation):
        assert values[2] > 0
        assert values[[0, 1, 3, 4]].tolist() == [0, 0, 0, 0]
    assert found.verdict == "they agree: all put input 2 first; lowest rank correlation 1.00"
    assert found.to_arrow()["input"].to_pylist()[0] == "input 2"


@given(
    st.lists(st.floats(-3, 3), min_size=1, max_size=5),
    st.integers(1, 20),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_integrated_gradients_of_a_linear_network_are_exact(
    weights: list[float], examples: int, steps: int, seed: int
) -> None:
    model, inputs = linear(weights, 0.5), data(examples, len(weights), seed)
    baseline = data(1, len(weights), seed + 1)[0]
    found = feature_importance(model, inputs, None, total, baseline=baseline, steps=steps, repeats=1)
    parts = (inputs - baseline) * torch.tensor(weights) / examples
    assert torch.allclose(found.signed, parts.sum(0), rtol=1e-10, atol=1e-12)
    assert torch.allclose(found.gradients, parts.abs().sum(0), rtol=1e-10, atol=1e-12)
    assert abs(found.completeness) < 1e-12
    assert found.baseline_loss == pytest.approx(model(baseline).item(), rel=1e-12)
    assert found.loss == pytest.approx(model(inputs).mean().item(), rel=1e-12)


def test_integrated_gradients_of_a_polynomial_are_those_of_calculus() -> None:
    """L = Σ x₀² x₁ from zero: ∫ 2 α² x₀² x₁ dα = ⅔ of it for x₀ and ⅓ for x₁."""
    inputs = data(7, 2)
    found = feature_importance(
        nn.Identity(), inputs, None, lambda y, _: (y[:, 0] ** 2 * y[:, 1]).sum(), steps=2, repeats=1
    )
    whole = inputs[:, 0] ** 2 * inputs[:, 1]
    assert found.signed.tolist() == pytest.approx([2 / 3 * whole.sum().item(), whole.sum().item() / 3])
    assert found.signed.sum().item() == pytest.approx(found.loss - found.baseline_loss)


def test_more_steps_make_the_completeness_error_smaller() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 3)).double()
    inputs, targets = data(40, 6), torch.randint(0, 3, (40,))
    errors = [
        abs(
            feature_importance(
                model, inputs, targets, functional.cross_entropy, steps=k, repeats=1
            ).completeness
        )
        for k in (1, 8, 64)
    ]
    assert errors[0] > errors[1] > 5 * errors[2]
    assert errors[2] < 5e-4


def test_permuting_an_input_that_is_not_used_changes_nothing() -> None:
    model, inputs = linear([1.0, 0.0, 2.0]), data(30, 3)
    inputs = torch.cat([inputs[:, :2], torch.full((30, 1), 4.0).double()], dim=1)
    found = feature_importance(model, inputs, data(30, 1, 1), functional.mse_loss)
    assert found.permutation[1:].tolist() == [0, 0]
    assert found.permutation_error[1:].tolist() == [0, 0]
    assert found.permutation[0] > 0


def test_permutation_of_a_linear_network_is_twice_its_variance() -> None:
    model, inputs = linear([1.5, -0.5]), data(2000, 2)
    found = feature_importance(model, inputs, model(inputs).detach(), functional.mse_loss, repeats=30)
    expected = 2 * torch.tensor([1.5, -0.5]).square() * inputs.var(0, correction=0)
    assert (found.permutation - expected).abs().le(4 * found.permutation_error).all()
    assert found.permutation_error.lt(0.05 * found.permutation).all()


def test_permutation_agrees_with_that_of_scikit_learn() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    inputs, targets = data(300, 4), data(300, 1, 5)
    found = feature_importance(model, inputs, targets, functional.mse_loss, repeats=60)

    def score(_: object, x: Any, y: Any) -> float:
        with torch.no_grad():
            return -functional.mse_loss(model(torch.tensor(x)), torch.tensor(y)).item()

    estimator = type("Estimator", (), {"fit": lambda self, x, y: self})()
    theirs = permutation_importance(
        estimator, inputs.numpy(), targets.numpy(), scoring=score, n_repeats=60, random_state=0
    )
    ours, error = found.permutation.numpy(), found.permutation_error.numpy()
    apart = np.hypot(error, theirs.importances_std / math.sqrt(60))
    assert (np.abs(ours - theirs.importances_mean) < 4 * apart).all()
    assert error == pytest.approx(theirs.importances_std / math.sqrt(60), rel=0.5)


def test_weights_are_told_where_the_first_layer_takes_the_inputs_as_they_are() -> None:
    inputs = data(50, 3) * torch.tensor([1.0, 2.0, 3.0])
    found = feature_importance(linear([1.0, -2.0, 0.5]), inputs, None, total, repeats=1)
    assert found.weights is not None
    expected = inputs.std(0, correction=0) * torch.tensor([1.0, 2.0, 0.5])
    assert torch.allclose(found.weights, expected, rtol=1e-12)
    flat = nn.Sequential(nn.Flatten(), linear([1.0] * 4))
    pictures = feature_importance(flat, data(20, 4).view(20, 1, 2, 2), None, total, repeats=1)
    assert pictures.weights is not None
    assert pictures.names[3] == "input (0, 1, 1)"


class Two(nn.Module):
    """The inputs go into two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = linear([1.0, 2.0]), linear([3.0, -1.0])

    def forward(self, inputs: Tensor) -> Tensor:
        return self.first(inputs) * self.second(inputs)


def test_all_layers_that_take_the_inputs_count() -> None:
    inputs = data(20, 2)
    found = feature_importance(Two(), inputs, None, total, repeats=1)
    assert found.weights is not None
    assert torch.allclose(found.weights, inputs.std(0, correction=0) * torch.tensor([4.0, 3.0]))


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (
            nn.Sequential(nn.Unflatten(1, (1, 2, 2)), nn.Conv2d(1, 2, 2), nn.Flatten()),
            "conv2d in 1, not into a linear",
        ),
        (nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 1)), "batch_norm in 0"),
        (nn.Sequential(nn.Tanh(), nn.Linear(4, 1)), "linear layer 1 does not take the inputs as they are"),
        (nn.Softmax(dim=1), "no parameter is multiplied with the inputs"),
    ],
)
def test_otherwise_it_says_why_weights_say_nothing(model: nn.Module, why: str) -> None:
    found = feature_importance(model.double(), data(10, 4), None, lambda y, _: y.square().sum(), repeats=2)
    assert found.weights is None
    assert why in found.weights_missing
    assert why in found.sections()[0].note
    assert "weights" not in found.to_arrow().column_names
    assert len(found.agreements) == 1


def test_groups_are_judged_together() -> None:
    model, inputs = linear([1.0, 2.0, 3.0, 4.0]), data(25, 4)
    arguments: dict[str, Any] = {"repeats": 3, "targets": data(25, 1, 3), "loss": functional.mse_loss}
    alone = feature_importance(model, inputs, **arguments)
    listed = feature_importance(model, inputs, groups=[[0, 2], [3]], **arguments)
    labelled = feature_importance(model, inputs, groups=torch.tensor([0, -1, 0, 1]), **arguments)
    assert listed.names == ("group 0", "group 1")
    assert listed.permutation.tolist() == labelled.permutation.tolist()
    assert listed.signed.tolist() == pytest.approx(
        [(alone.signed[0] + alone.signed[2]).item(), alone.signed[3].item()]
    )
    assert listed.permutation[1] == alone.permutation[3]
    everything = feature_importance(model, inputs, groups=[[0, 1, 2, 3]], names=["all"], **arguments)
    orders = torch.Generator().manual_seed(0)
    expected = [
        functional.mse_loss(model(inputs[torch.randperm(25, generator=orders)]), arguments["targets"]).item()
        - alone.loss
        for _ in range(3)
    ]
    assert everything.permutation.item() == pytest.approx(np.mean(expected))
    assert everything.permutation_error.item() == pytest.approx(np.std(expected, ddof=1) / math.sqrt(3))
    assert math.isnan(everything.agreements[0].spearman)
    assert everything.verdict == "they agree: all put all first"


def test_places_in_groups_of_pictures() -> None:
    model = nn.Sequential(nn.Flatten(), linear([1.0, 2.0, 3.0, 4.0]))
    found = feature_importance(
        model, data(9, 4).view(9, 2, 2), None, total, groups=[[(0, 0)], [(1, 1)]], repeats=2
    )
    assert found.weights is not None
    assert (found.weights[1] / found.weights[0]).item() > 2


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            {"inputs": torch.zeros(4, 3, dtype=torch.long)},
            OptionError,
            "tensor of real numbers, got torch.int64",
        ),
        ({"inputs": {}}, OptionError, "tensor of real numbers, got dict"),
        ({"batch_dim": 2}, OptionError, "batch_dim 2 must count the examples"),
        (
            {"baseline": torch.zeros(2)},
            OptionError,
            r"baseline of shape \(2,\) does not fit inputs of shape \(4, 3\)",
        ),
        ({"steps": 0}, OptionError, "steps must be 1 or more"),
        ({"repeats": 0}, OptionError, "repeats must be 1 or more"),
        ({"names": ["a"]}, OptionError, "expected 3, got 1"),
        ({"targets": None}, OptionError, "the loss needs targets"),
        ({"loss": lambda outputs, _: outputs}, OptionError, "the loss must be a tensor without axes"),
        ({"groups": [[0], [0]]}, OptionError, "groups 0 and 1 both hold"),
        ({"groups": [[3]]}, IndexRangeError, r"group 0: \(3,\) lies outside an example of shape \(3,\)"),
        ({"groups": []}, OptionError, "at least one group"),
        ({"groups": torch.zeros(3)}, OptionError, "whole numbers of an example's shape"),
    ],
)
def test_mistakes_are_told_in_one_line(change: dict[str, Any], error: type[Exception], words: str) -> None:
    arguments = {"inputs": data(4, 3), "targets": data(4, 1), "loss": functional.mse_loss, **change}
    with pytest.raises(error, match=words) as raised:
        feature_importance(linear([1.0, 2.0, 3.0]), **arguments)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("train", [True, False])
def test_nothing_changes_and_all_is_repeatable(train: bool) -> None:
    model = nn.Sequential(nn.Dropout(0.5), small_network()).train(train)
    inputs, targets = small_batch()
    before = [each.clone() for each in model.state_dict().values()]
    random = torch.get_rng_state()
    arguments: dict[str, Any] = {
        "groups": torch.arange(3).view(3, 1, 1).expand(3, 8, 8),
        "steps": 4,
        "repeats": 2,
    }
    found = [
        feature_importance(model, inputs, targets, functional.cross_entropy, seed=s, **arguments)
        for s in (0, 0, 1)
    ]
    assert all(torch.equal(*pair) for pair in zip(before, model.state_dict().values(), strict=True))
    assert torch.equal(random, torch.get_rng_state())
    assert all(each.grad is None for each in model.parameters())
    assert found[0].permutation.tolist() == found[1].permutation.tolist() != found[2].permutation.tolist()
    assert found[0].signed.tolist() == found[1].signed.tolist()
    assert inputs.requires_grad is False


def test_completeness_holds_in_train_mode_with_batch_norm() -> None:
    model, (inputs, targets) = small_network().double(), small_batch()
    found = feature_importance(
        model,
        inputs.double(),
        targets,
        functional.cross_entropy,
        groups=torch.zeros(3, 8, 8).long(),
        repeats=1,
        steps=400,
    )
    assert abs(found.completeness) < 0.02 * abs(found.loss - found.baseline_loss) + 1e-2


def test_other_inputs_are_passed_on_and_batches_may_lie_elsewhere() -> None:
    class Shifted(nn.Module):
        def forward(self, features: Tensor, shift: Tensor) -> Tensor:
            return features.sum(0) + shift

    inputs = {"features": data(3, 8), "shift": torch.tensor(2)}
    found = feature_importance(Shifted(), inputs, None, total, batch_dim=1, repeats=2)
    assert len(found.names) == 3
    assert found.signed.tolist() == pytest.approx((data(3, 8).sum(1) / 8).tolist())
    positional = feature_importance(Shifted(), tuple(inputs.values()), None, total, batch_dim=1, repeats=2)
    assert positional.signed.tolist() == found.signed.tolist()


@settings(max_examples=5)  # a second each
@given(st.integers(0, 999))
def test_neither_the_order_of_examples_nor_that_of_features_matters(seed: int) -> None:
    model, inputs = linear([1.0, -2.0, 0.5]), data(12, 3, seed)
    turned = linear([0.5, -2.0, 1.0])
    mixed = torch.randperm(12, generator=torch.Generator().manual_seed(seed))
    targets = data(12, 1, seed + 1)
    one, two, three = (
        feature_importance(*each, functional.mse_loss, repeats=2)
        for each in [
            (model, inputs, targets),
            (model, inputs[mixed], targets[mixed]),
            (turned, inputs.flip(1), targets),
        ]
    )
    assert one.weights is not None
    assert two.weights is not None
    assert torch.allclose(one.weights, two.weights)
    assert torch.allclose(one.signed, two.signed)
    assert torch.allclose(one.permutation, three.permutation.flip(0))


def test_a_loss_that_no_input_reaches_is_attributed_to_none() -> None:
    constant = nn.Linear(2, 1)
    found = feature_importance(constant, torch.randn(5, 2), None, lambda y, _: constant.bias.sum(), repeats=1)
    assert found.signed.tolist() == [0, 0]
    assert math.isnan(found.permutation_error[0])
    without = feature_importance(constant, torch.randn(5, 2), None, lambda y, _: torch.ones(()), repeats=1)
    assert without.signed.tolist() == [0, 0]


def test_rankings_that_differ_are_told() -> None:
    rankings = {"weights": torch.tensor([3.0, 2, 1]), "permutation": torch.tensor([1.0, 2, 3])}
    found = agreements(rankings)
    assert (found[0].spearman, found[0].kendall) == (pytest.approx(-1), pytest.approx(-1))
    assert verdict(rankings, found, ("a", "b", "c")).startswith(
        "they disagree: weights put a first, permutation puts c"
    )
    rest = {"gradients": torch.tensor([9.0, 1, 2, 3]), "permutation": torch.tensor([9.0, 3, 2, 1])}
    told = verdict(rest, agreements(rest), ("a", "b", "c", "d"))
    assert told == "they disagree on the rest: all put a first; lowest rank correlation 0.20"


def test_the_page_shows_the_three_ways_side_by_side() -> None:
    model, inputs = linear([1.0, 0.1]), data(40, 2)
    found = feature_importance(model, inputs, data(40, 1, 9), functional.mse_loss, names=["age", "size"])
    table = found.to_arrow()
    assert table.column_names == ["input", "weights", "gradients", "signed", "permutation", "standard error"]
    increases = table["permutation"].to_pylist()
    assert increases == sorted(increases, reverse=True)
    assert "completeness error" in found.sections()[0].note
    assert found.sections()[1].table.num_rows == 3
    assert "age" in found._repr_html_()
    assert isinstance(found, FeatureImportance)
