"""Surfaces of two weights, beside the plain loop over edited copies."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from desk.sweeps.swept import autograd_slope, desk_of, made
from desk.sweeps.test_levels import trained
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.desk import Desk
from weightdesk.errors import IndexRangeError, OptionError

PAIRS = [
    ("mlp", ("0.weight", (1, 2)), ("4.weight", (0, 5))),
    ("mlp", ("2.weight", (1, 2)), ("2.bias", (1,))),
    ("cnn", ("0.weight", (1, 0, 2, 1)), ("7.bias", (1,))),
    ("language", ("embed.weight", (3, 2)), ("layer.linear2.bias", (0,))),
]


def looped(model: nn.Module, inputs: Any, targets: Any, first: Any, second: Any, values: Any) -> Tensor:
    found = []
    for one in values[0].tolist():
        for two in values[1].tolist():
            edited = copy.deepcopy(model)
            with torch.no_grad():
                edited.get_parameter(first[0])[first[1]] = one
                edited.get_parameter(second[0])[second[1]] = two
                found.append(functional.cross_entropy(edited(inputs), targets).item())
    return torch.tensor(found, dtype=torch.float64).reshape(len(values[0]), len(values[1]))


@pytest.mark.parametrize(("network", "first", "second"), PAIRS)
def test_losses_and_slopes_are_those_of_edited_copies(network: str, first: Any, second: Any) -> None:
    model, inputs, targets = made(network)
    found = desk_of(network).surface((*first, [-0.5, 0.1, 0.9]), (*second, 4))
    expected = looped(model, inputs, targets, first, second, found.values)
    torch.testing.assert_close(found.losses, expected, rtol=2e-6, atol=1e-7)
    assert found.exact.all()
    assert not found.error.any()
    for slope, (name, index) in zip(found.slopes, (first, second), strict=True):
        assert slope == pytest.approx(autograd_slope(model, inputs, targets, name, index), rel=1e-4, abs=1e-7)
    assert found.lowest is not None
    assert found.lowest[2] == pytest.approx(float(expected.min()), rel=2e-6)


def test_estimates_hold_within_their_error() -> None:
    model, inputs, targets = trained(2, nn.Tanh)
    first, second = ("0.weight", (2, 1)), ("2.weight", (3, 4))
    values = torch.linspace(-2, 2, 3), torch.linspace(-2, 2, 21)
    desk = Desk(model, inputs, targets, functional.cross_entropy)
    found = desk.surface((*first, values[0]), (*second, values[1]))
    assert not found.exact.all()
    assert found.exact.any(1).all()
    expected = looped(model, inputs, targets, first, second, found.values)
    held = (found.losses - expected).abs() <= found.error + 2e-6
    assert float(held.double().mean()) > 0.9
    assert held[found.exact].all()
    exact = desk.surface((*first, values[0][:1]), (*second, values[1]), exact=True)
    torch.testing.assert_close(exact.losses, expected[:1], rtol=2e-6, atol=1e-7)


def test_the_usual_values_and_the_page() -> None:
    found = desk_of("mlp").surface(("0.weight", (1, 2)), ("0.bias", 1))
    assert found.losses.shape == (11, 11)
    assert found.accuracy is not None
    assert any("standard deviations" in note for note in found.notes)
    table = found.to_arrow()
    assert table.column_names == [
        "0.weight[1,2]",
        "0.bias[1]",
        "loss",
        "change",
        "error",
        "exact",
        "accuracy",
    ]
    assert table.num_rows == 121
    assert "slopes" in found.title


def test_losses_that_are_no_numbers_are_no_bottom() -> None:
    desk = desk_of("mlp")
    desk.set("4.bias", 0, math.nan)
    found = desk.surface(("0.weight", (1, 2), 2), ("0.bias", 1, 2))
    assert found.lowest is None
    assert "no finite loss" in found.title


def test_the_same_surface_gives_the_same_bits() -> None:
    one, other = (desk_of("cnn").surface(("7.bias", 0, 3), ("7.bias", 1, 3)) for _ in range(2))
    assert torch.equal(one.losses, other.losses)
    assert one.slopes == other.slopes


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ((("0.weight", (1, 2)), ("0.weight", (1, 2))), OptionError, "twice"),
        ((("0.weight",), ("0.bias", 1)), OptionError, "takes .name, index, values. twice"),
        ((("0.weight", 1), ("0.bias", 1)), OptionError, "is 6 weights"),
        ((("0.weight", (1, 2)), ("0.bias", 9)), IndexRangeError, r"0…7"),
    ],
)
def test_what_is_no_surface_says_so(asked: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        desk_of("mlp").surface(*asked)
