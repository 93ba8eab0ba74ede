"""The general rule gives the factors of whatever is linear in a parameter, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from weightdesk.errors import OptionError
from weightdesk.explain.terms.linearity import factors_of_row, share_of_row


class Once(torch.autograd.Function):
    """A product whose backward pass cannot be differentiated."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor) -> Tensor:
        context.save_for_backward(x)
        return x * weight

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context: Any, gradient: Tensor) -> Any:
        return None, gradient * context.saved_tensors[0]


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 10**6))
def test_a_bilinear_form_has_the_products_of_its_inputs(left: int, right: int, seed: int) -> None:
    torch.manual_seed(seed)
    weight = nn.Parameter(torch.randn(left, right).double())
    a, b = torch.randn(left).double(), torch.randn(right).double()
    row = seed % left
    z = a @ weight @ b + 3
    assert torch.allclose(factors_of_row(z, weight, row), a[row] * b, rtol=1e-12)
    share = share_of_row(z, weight, row, "weight")
    assert float(share) == pytest.approx(float(a[row] * (weight[row].detach() @ b)), rel=1e-12)


def test_a_result_without_the_row_has_no_share() -> None:
    weight = nn.Parameter(torch.ones(2, 3))
    assert share_of_row(weight[0] * 2, weight, 1, "weight").tolist() == [0, 0, 0]


@pytest.mark.parametrize("bend", [torch.square, torch.tanh, lambda w: w / w.norm(), torch.norm])
def test_what_bends_is_refused(bend: Any) -> None:
    weight = nn.Parameter(torch.tensor([[1.0, 2.0]]))
    with pytest.raises(OptionError, match="gain is used by an operation that is not linear in it"):
        share_of_row(bend(weight), weight, 0, "gain")


def test_what_cannot_be_differentiated_twice_is_refused() -> None:
    weight = nn.Parameter(torch.ones(3))
    result = Once.apply(torch.ones(3), weight)
    with pytest.raises(OptionError, match="can be differentiated twice") as raised:
        share_of_row(result, weight, 0, "weight")
    assert "\n" not in str(raised.value)
