from __future__ import annotations

import numpy as np
import pytest
import torch
from edit_contract import EditContract
from random_edits import HEAD, masks, state_of
from torch import Tensor

from weightdesk.desk.edits import Edit, Scaling
from weightdesk.desk.places import Place
from weightdesk.errors import OptionError


class TestScaling(EditContract):
    kind = "scale"

    def expected(self, edit: Edit, values: dict[str, Tensor]) -> dict[str, Tensor]:
        assert isinstance(edit, Scaling)
        found = {}
        for name, mask in masks(str(edit.place), values, outputs=True).items():
            weights = values[name]
            with np.errstate(all="ignore"):
                scaled = torch.from_numpy(weights.double().numpy() * edit.factor).to(weights.dtype)
            found[name] = torch.where(mask, scaled, weights)
        return found


def test_what_a_head_adds_is_multiplied_just_once() -> None:
    turned = state_of().with_edit(Scaling(Place.parse(HEAD), 3))
    assert turned.edits[0].touched == {"attn.out_proj.weight"}


def test_a_factor_is_a_number() -> None:
    with pytest.raises(OptionError, match=r"the factor of fc\[1\] must be a number, got 'loud'"):
        Scaling(Place("fc", (1,)), "loud")  # type: ignore[arg-type]
