from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from edit_contract import EditContract
from hypothesis import given
from hypothesis import strategies as st
from random_edits import HEAD, masks
from torch import Tensor

from weightdesk.desk.edits import Edit, Rounding
from weightdesk.desk.places import Place
from weightdesk.desk.state import State
from weightdesk.errors import OptionError


class TestRounding(EditContract):
    kind = "round"

    def expected(self, edit: Edit, values: dict[str, Tensor]) -> dict[str, Tensor]:
        assert isinstance(edit, Rounding)
        found = {}
        for name, mask in masks(str(edit.place), values).items():
            new = values[name].clone()
            for rows in self._blocks(str(edit.place), name, edit.by, mask):
                weights = values[name][rows]
                if edit.dtype is not None:
                    new[rows] = weights.to(getattr(torch, edit.dtype)).to(new.dtype)
                else:
                    new[rows] = torch.from_numpy(nearest(weights.double().numpy(), edit.bits or 0)).to(
                        new.dtype
                    )
            found[name] = new
        return found

    def _blocks(self, text: str, name: str, by: str, mask: Tensor) -> list[Tensor]:
        """Masks of what shares one scale."""
        blocks = [mask]
        if text == HEAD and "in_proj" in name:
            blocks = [
                mask & (torch.arange(24) // 8 == third).view(-1, *[1] * (mask.ndim - 1)) for third in range(3)
            ]
        if by == "tensor" or mask.ndim == 1:
            return blocks
        rows = [
            each & (torch.arange(len(mask)) == row).view(-1, *[1] * (mask.ndim - 1))
            for each in blocks
            for row in range(len(mask))
        ]
        return [each for each in rows if each.any()]


def nearest(weights: np.ndarray, bits: int) -> np.ndarray:
    """The nearest of all values that the bits can hold, found by trying the two around each weight."""
    levels = 2 ** (bits - 1) - 1
    scale = np.abs(weights).max() / levels if np.abs(weights).max() else 1.0
    return np.rint(weights / scale) * scale + 0.0


@given(
    weights=st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=12),
    bits=st.integers(2, 8),
)
def test_each_weight_goes_to_the_nearest_value(weights: list[float], bits: int) -> None:
    state = State((), {"w": torch.tensor(weights, dtype=torch.float64)})
    turned = state.with_edit(Rounding(Place("w"), bits)).values["w"].numpy()
    levels, largest = 2 ** (bits - 1) - 1, max(map(abs, weights))
    grid = np.arange(-levels, levels + 1) * (largest / levels)
    distances = np.abs(np.array(weights)[:, None] - grid).min(axis=1)
    np.testing.assert_allclose(np.abs(turned - weights), distances, atol=1e-12 * max(largest, 1e-300))
    assert len(np.unique(turned)) <= 2**bits - 1


def test_rows_have_scales_of_their_own() -> None:
    weights = torch.tensor([[1.0, 0.4], [100.0, 40.0]])
    state = State((), {"w": weights})
    by_row = state.with_edit(Rounding(Place("w"), 3, by="row")).values["w"]
    torch.testing.assert_close(by_row, torch.tensor([[1.0, 1 / 3], [100.0, 100 / 3]]))
    by_tensor = state.with_edit(Rounding(Place("w"), 3)).values["w"]
    torch.testing.assert_close(by_tensor, torch.tensor([[0.0, 0.0], [100.0, 100 / 3]]))


def test_what_is_not_finite_stays_and_counts_for_nothing() -> None:
    weights = torch.tensor([1.0, math.inf, -math.inf, math.nan, 0.3])
    turned = State((), {"w": weights}).with_edit(Rounding(Place("w"), 2)).values["w"]
    np.testing.assert_array_equal(turned.numpy(), np.array([1, np.inf, -np.inf, np.nan, 0], np.float32))


def test_rounding_again_changes_nothing() -> None:
    state = State((), {"w": torch.randn(50, generator=torch.Generator().manual_seed(0))})
    edit = Rounding(Place("w"), 5)
    once, twice = state.with_edit(edit).values["w"], state.with_edits((edit, edit)).values["w"]
    torch.testing.assert_close(once, twice, rtol=1e-6, atol=0)


def test_no_weights_and_only_zeros() -> None:
    state = State((), {"w": torch.zeros(3), "none": torch.zeros(0, 2)})
    turned = state.with_edit(Rounding(Place(""), 4)).values
    assert torch.equal(turned["w"], torch.zeros(3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either bits, such as 8, or a dtype"),
        ({"bits": 8, "dtype": "bfloat16"}, "either bits, such as 8, or a dtype"),
        ({"bits": 1}, "bits must be 2…24, got 1"),
        ({"dtype": "bfloat61"}, "cannot be rounded to 'bfloat61'; did you mean bfloat16"),
        ({"bits": 8, "by": "column"}, "by 'tensor' or by 'row', got 'column'"),
    ],
)
def test_impossible_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Rounding(Place("fc"), **options)  # type: ignore[arg-type]


def test_a_dtype_of_torch_is_a_dtype() -> None:
    assert Rounding(Place("fc"), dtype=torch.bfloat16) == Rounding(Place("fc"), dtype="bfloat16")  # type: ignore[arg-type]
