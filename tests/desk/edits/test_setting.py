from __future__ import annotations

import math

import pytest
import torch
from edit_contract import EditContract
from random_edits import masks, state_of
from torch import Tensor

from weightdesk.desk.edits import Edit, Setting
from weightdesk.desk.places import Place
from weightdesk.errors import OptionError


class TestSetting(EditContract):
    kind = "set"

    def expected(self, edit: Edit, values: dict[str, Tensor]) -> dict[str, Tensor]:
        assert isinstance(edit, Setting)
        return {
            name: torch.where(mask, torch.tensor(edit.value, dtype=torch.float64), values[name]).to(
                values[name].dtype
            )
            for name, mask in masks(str(edit.place), values).items()
        }


def test_what_was_there_before_is_told_bit_for_bit() -> None:
    state = state_of()
    turned = state.with_edit(Setting(Place.parse("fc.weight[3,1]"), 0.8))
    assert isinstance(turned.edits[0], Setting)
    assert turned.edits[0].before == state.values["fc.weight"][3, 1].item()
    again = turned.with_edit(Setting(Place.parse("fc.weight[3,1]"), 2))
    assert again.edits[1].describe() == "fc.weight[3,1] 0.8 → 2"


def test_of_several_weights_only_a_common_value_is_told() -> None:
    state = state_of()
    first, second = Setting(Place.parse("conv1[2]"), 0.5), Setting(Place.parse("conv1[2]"), math.nan)
    turned = state.with_edits((first, second, first))
    assert [edit.to_json().get("from") for edit in turned.edits] == [None, 0.5, "nan"]
    uneven = turned.with_edit(Setting(Place.parse("conv1.bias"), 1))
    assert "from" not in uneven.edits[-1].to_json()


@pytest.mark.parametrize("value", ["much", None, [1, 2], True, 1j])
def test_only_numbers_are_values(value: object) -> None:
    with pytest.raises(OptionError, match=r"the value of fc must be a number, got "):
        Setting(Place("fc"), value)  # type: ignore[arg-type]


def test_a_tensor_with_one_element_is_a_number() -> None:
    assert Setting(Place("fc"), torch.tensor([0.25])).value == 0.25  # type: ignore[arg-type]
