from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.explain.labels import labels_of, summed


@given(
    members=st.lists(st.integers(-1, 3), min_size=12, max_size=12).filter(lambda each: max(each) >= 0),
    shape=st.sampled_from([(12,), (3, 4), (2, 3, 2)]),
)
def test_lists_and_labels_say_the_same(members: list[int], shape: tuple[int, ...]) -> None:
    labels, count = torch.tensor(members).view(shape), max(members) + 1
    listed = [list(map(tuple, (labels == number).nonzero().tolist())) for number in range(count)]
    values = torch.arange(12.0).view(shape)
    for groups in (labels, listed):
        found, many = labels_of(groups, shape, "an example")
        assert many == count
        assert torch.equal(found, labels)
        expected = [values[labels == number].sum().item() for number in range(count)]
        assert summed(values, found, many).tolist() == expected


def test_a_member_named_twice_counts_once() -> None:
    assert labels_of([[1, 1]], (2,), "an example")[0].tolist() == [-1, 0]


@pytest.mark.parametrize(
    ("groups", "error", "said"),
    [
        ([[0], [0]], OptionError, r"groups 0 and 1 both hold \(0,\)"),
        (
            [[3]],
            IndexRangeError,
            r"group 0: \(3,\) lies outside the parameter of shape \(3,\): expected",
        ),
        ([[-1]], IndexRangeError, "lies outside"),
        ([], OptionError, "at least one group"),
        (torch.full((3,), -2), OptionError, "at least one group"),
        (torch.zeros(3), OptionError, "whole numbers of the parameter's shape"),
        (torch.zeros(2, dtype=torch.int64), OptionError, "whole numbers of the parameter's shape"),
    ],
)
def test_groups_that_are_none_are_refused(groups: object, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        labels_of(groups, (3,), "the parameter")  # type: ignore[arg-type]
