from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from edit_contract import EditContract
from hypothesis import given
from hypothesis import strategies as st
from random_edits import masks
from torch import Tensor

from weightdesk.desk.edits import Edit, Pruning
from weightdesk.desk.places import Place
from weightdesk.desk.state import State
from weightdesk.errors import OptionError


class TestPruning(EditContract):
    kind = "prune"

    def expected(self, edit: Edit, values: dict[str, Tensor]) -> dict[str, Tensor]:
        assert isinstance(edit, Pruning)
        meant = masks(str(edit.place), values)
        if edit.place.name not in values and edit.place.name != "head.weight":
            meant = {name: mask for name, mask in meant.items() if mask.ndim > 1} or meant
        if edit.threshold is not None:
            small = {name: values[name].double().abs() < edit.threshold for name in meant}
            return {name: values[name].masked_fill(meant[name] & small[name], 0) for name in meant}
        sizes = np.concatenate([values[name].double().abs()[mask].numpy() for name, mask in meant.items()])
        chosen = np.zeros(len(sizes), bool)
        chosen[np.argsort(sizes, kind="stable")[: round((edit.fraction or 0) * len(sizes))]] = True
        found, start = {}, 0
        for name, mask in meant.items():
            count = int(mask.sum())
            where = torch.zeros_like(mask)
            where[mask] = torch.from_numpy(chosen[start : start + count])
            found[name] = values[name].masked_fill(where, 0)
            start += count
        return found


@given(
    weights=st.lists(
        st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, math.nan, math.inf]), min_size=1, max_size=20
    ),
    fraction=st.floats(0, 1),
)
def test_of_equal_sizes_the_first_go_and_no_number_is_the_largest(
    weights: list[float], fraction: float
) -> None:
    state = State((), {"w": torch.tensor(weights)})
    turned = state.with_edit(Pruning(Place("w"), fraction=fraction)).values["w"]
    order = sorted(range(len(weights)), key=lambda place: (_size(weights[place]), place))
    expected = np.array(weights, np.float32)
    expected[order[: round(fraction * len(weights))]] = 0
    np.testing.assert_array_equal(turned.numpy(), expected)


def _size(weight: float) -> float:
    return math.inf if math.isnan(weight) else abs(weight)


def test_all_layers_are_ranked_together() -> None:
    state = State(
        (), {"a.weight": torch.full((2, 2), 0.1), "b.weight": torch.ones(2, 2), "b.bias": torch.zeros(2)}
    )
    turned = state.with_edit(Pruning(Place(""), fraction=0.5))
    assert turned.values["a.weight"].count_nonzero() == 0
    assert torch.equal(turned.values["b.weight"], state.values["b.weight"])
    assert turned.edits[0].touched == {"a.weight", "b.weight"}


def test_a_normalisation_by_name_is_pruned_itself() -> None:
    state = State((), {"norm.weight": torch.tensor([0.1, 1.0]), "norm.bias": torch.tensor([2.0, 0.2])})
    turned = state.with_edit(Pruning(Place("norm"), threshold=0.5)).values
    assert turned["norm.weight"].tolist() == [0, 1]
    assert turned["norm.bias"].tolist() == [2, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either a threshold or a fraction"),
        ({"threshold": 1.0, "fraction": 0.5}, "either a threshold or a fraction"),
        ({"fraction": 1.5}, "the fraction to prune must be 0…1, got 1.5"),
        ({"threshold": -1.0}, "the threshold must be 0 or more, got -1"),
        ({"threshold": math.nan}, "the threshold must be 0 or more, got nan"),
    ],
)
def test_impossible_options(options: dict[str, float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Pruning(Place("fc"), **options)
