from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.errors import OptionError
from weightdesk.explain.importance.groups import make_groups


@given(st.lists(st.integers(1, 4), min_size=3, max_size=4), st.sampled_from(["weight", "unit", "kernel"]))
def test_sums_are_sums_over_the_axes_within(shape: list[int], level: str) -> None:
    values = torch.arange(float(torch.tensor(shape).prod())).reshape(shape).double()
    depth = {"weight": len(shape), "unit": 1, "kernel": 2}[level]
    groups = make_groups(values, level)
    expected = values.flatten(depth).sum(-1) if depth < len(shape) else values
    assert torch.equal(groups.summed(values), expected)


def test_removing_groups_leaves_the_others() -> None:
    parameter = torch.arange(1.0, 7).reshape(2, 3)
    groups = make_groups(parameter, "group", torch.tensor([[0, 1, -1], [0, -1, 1]]))
    assert groups.without(parameter, torch.tensor([0])).tolist() == [[0, 2, 3], [0, 5, 6]]
    assert groups.without(parameter, torch.tensor([1])).tolist() == [[1, 0, 3], [4, 5, 0]]
    assert groups.without(parameter, torch.tensor([], dtype=torch.long)).tolist() == parameter.tolist()


def test_listed_groups_may_be_empty() -> None:
    groups = make_groups(torch.ones(2, 2), "group", [[(0, 0)], []])
    assert groups.summed(torch.ones(2, 2)).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([[(0, 0)], [(0, 0)]], r"groups 0 and 1 both hold \(0, 0\)"),
        (torch.zeros(3), "whole numbers of the parameter's shape"),
        (torch.zeros(2, 3), "whole numbers of the parameter's shape"),
        (torch.full((2, 3), -1), "at least one group"),
        ([], "at least one group"),
    ],
)
def test_groups_that_are_none(groups: object, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make_groups(torch.zeros(2, 3), "group", groups)  # type: ignore[arg-type]


def test_a_vector_has_weights_and_units_but_no_kernels() -> None:
    assert make_groups(torch.zeros(3), "unit").shape == (3,)
    with pytest.raises(OptionError, match=r"more dimensions than the parameter's shape \(3,\)"):
        make_groups(torch.zeros(3), "kernel")
