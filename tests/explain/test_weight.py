from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from weightdesk.errors import IndexRangeError, OptionError, UnknownParameterError
from weightdesk.explain.weight import find_weight


class Holder(nn.Module):
    def __init__(self, parameter: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(parameter, requires_grad=parameter.is_floating_point())


VIEWS = [
    lambda w: w,
    lambda w: w.t(),
    lambda w: w[1:, 2:],
    lambda w: w.chunk(2)[1],
    lambda w: w.reshape(2, 2, 6),
    lambda w: w[:, ::2],
    lambda w: w[2],
    lambda w: w.unsqueeze(0),
]


@given(row=st.integers(0, 3), column=st.integers(0, 5), view=st.sampled_from(VIEWS))
def test_a_weight_is_found_in_any_view(row: int, column: int, view) -> None:
    model = Holder(torch.arange(24.0).view(4, 6))
    weight, seen = find_weight(model, "weight", (row, column)), view(model.weight.detach())
    index = weight.within(seen)
    value = model.weight[row, column].item()
    assert (index is None) == (value not in seen)
    if index is not None:
        assert seen[index].item() == value


def test_storage_tells_views_from_copies() -> None:
    model = Holder(torch.ones(2))
    weight = find_weight(model, "weight", 1)
    assert weight.shares_storage(model.weight[1:])
    assert not weight.shares_storage(model.weight.clone())
    assert not weight.shares_storage(None)
    assert find_weight(Holder(torch.ones(2, 3)), "weight", (1, 1)).position == 4


def test_elements_of_dense_and_sparse_gradients() -> None:
    weight = find_weight(Holder(torch.ones(2, 2)), "weight", (1, 0))
    gradient = torch.tensor([[1.0, 2], [3, 4]])
    assert weight.element(gradient) == weight.element(gradient.to_sparse()) == 3
    assert weight.element(None) == 0


def test_a_scalar_has_one_weight() -> None:
    weight = find_weight(Holder(torch.tensor(2.0)), "weight", ())
    assert (str(weight), weight.within(weight.parameter), weight.position) == ("weight[]", (), 0)


def test_mistakes_are_named() -> None:
    model = nn.Sequential(nn.Linear(2, 3))
    with pytest.raises(UnknownParameterError, match=r"no parameter '0\.bais'; did you mean 0\.bias"):
        find_weight(model, "0.bais", 0)
    with pytest.raises(IndexRangeError, match=r"choose from \(0\.\.2, 0\.\.1\)"):
        find_weight(model, "0.weight", (3, 0))
    with pytest.raises(OptionError, match="no gradient"):
        find_weight(Holder(torch.ones(2, dtype=torch.int64)), "weight", 0)
