from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.explain.operations import READERS, Operation

W = nn.Parameter(torch.randn(3, 4))
X = torch.randn(5, 3)


def read(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Operation | None:
    with torch.no_grad():
        return READERS[function](*args, **kwargs)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (torch.matmul, (X, W)),
        (Tensor.__matmul__, (X, W)),
        (torch.mm, (X, W)),
        (torch.addmm, (torch.randn(4), X, W)),
        (functional.linear, (X, W.t())),
        (functional.linear, (X, W.t(), torch.randn(4))),
    ],
)
def test_products_come_as_one_form(function: Callable[..., Tensor], arguments: tuple[Any, ...]) -> None:
    operation = read(function, *arguments)
    assert operation is not None
    assert operation.kind == "linear"
    again = functional.linear(operation.inputs, operation.weight, operation.bias)
    assert torch.allclose(again, function(*arguments), atol=1e-6)


def test_scaled_or_turned_products_have_no_common_form() -> None:
    assert read(torch.addmm, torch.randn(4), X, W, alpha=2) is None
    assert read(torch.matmul, W, torch.randn(4, 2)) is None
    assert read(torch.matmul, X, nn.Parameter(torch.randn(3))) is None
    assert read(functional.linear, X, nn.Parameter(torch.randn(3))) is None
    assert read(torch.add, X, nn.Parameter(torch.randn(3)), alpha=2) is None
    assert read(torch.mul, X, 2.0) is None


def test_either_operand_may_be_the_parameter() -> None:
    weight = nn.Parameter(torch.randn(3))
    for function in (torch.mul, Tensor.__mul__, torch.add):
        for arguments in ((X, weight), (weight, X)):
            operation = read(function, *arguments)
            assert operation is not None
            assert operation.weight is weight
            assert operation.inputs is X
            assert operation.options["axes"] == 1


@pytest.mark.parametrize(
    ("function", "arguments", "axis"),
    [
        (functional.layer_norm, ([6, 5], torch.randn(6, 5), torch.randn(6, 5)), 2),
        (functional.rms_norm, ([5], torch.randn(5)), 3),
        (functional.group_norm, (2, torch.randn(4), torch.randn(4)), 1),
        (functional.batch_norm, (None, None, torch.randn(4), torch.randn(4), True), 1),
        (functional.batch_norm, (torch.randn(4), torch.rand(4), torch.randn(4), None, False), 1),
    ],
)
def test_norms_scale_normalised_values(function: Callable[..., Tensor], arguments: Any, axis: int) -> None:
    x = torch.randn(2, 4, 6, 5)
    operation = read(function, x, *arguments)
    assert operation is not None
    assert (operation.kind, operation.options["axes"]) == ("scale", axis)
    shape = (1,) * axis + operation.weight.shape + (1,) * (4 - axis - operation.weight.ndim)
    shift = 0 if operation.bias is None else operation.bias.view(shape)
    again = operation.inputs * operation.weight.view(shape) + shift
    assert torch.allclose(again, function(x, *arguments), atol=1e-5)


def test_a_norm_without_weights_multiplies_nothing() -> None:
    assert read(functional.layer_norm, X, [3]) is None


def test_reading_a_batch_norm_leaves_its_statistics() -> None:
    mean, variance = torch.zeros(3), torch.ones(3)
    read(functional.batch_norm, X, mean, variance, torch.ones(3), None, True)
    assert not mean.any()
    assert (variance == 1).all()


def test_lookups_know_their_padding() -> None:
    operation = read(functional.embedding, torch.tensor([1, 2]), W, padding_idx=-1, max_norm=1.0)
    assert operation is not None
    assert (operation.kind, operation.options["padding_idx"]) == ("lookup", 2)
    assert operation.options["scale_grad_by_freq"] is False
