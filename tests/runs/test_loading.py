from __future__ import annotations

import pytest
import torch
from torch import nn

from weightdesk.errors import OptionError
from weightdesk.runs.loading import load_state


def state() -> dict[str, torch.Tensor]:
    return {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}


def test_copies_every_tensor() -> None:
    model = nn.Linear(3, 2)
    load_state(model, state(), "run")
    assert all(torch.equal(each, state()[name]) for name, each in model.state_dict().items())


@pytest.mark.parametrize(
    ("model", "change", "words"),
    [
        (
            nn.Linear(3, 2),
            {"bais": torch.zeros(2), "bias": None},
            "bias is not in the recording, did you mean bais",
        ),
        (
            nn.Linear(3, 2, bias=False),
            {},
            "0 of its tensors are not recorded and 1 recorded .* bias is not in the",
        ),
        (nn.Linear(4, 2), {}, r"weight has shape \(2, 4\), recorded is \(2, 3\)"),
    ],
)
def test_a_model_that_does_not_fit_stays_as_it_was(
    model: nn.Module, change: dict[str, torch.Tensor | None], words: str
) -> None:
    before = {name: each.clone() for name, each in model.state_dict().items()}
    given = {name: each for name, each in (state() | change).items() if each is not None}  # type: ignore[operator]
    with pytest.raises(OptionError, match=words):
        load_state(model, given, "run/snapshots/00000004.safetensors")
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())


def test_a_module_with_state_of_its_own_kind_is_no_trouble() -> None:
    class Counting(nn.Linear):
        def get_extra_state(self) -> dict[str, int]:
            return {"calls": 3}

        def set_extra_state(self, state: object) -> None:
            raise AssertionError("nothing was recorded of it")

    load_state(Counting(3, 2), state(), "run")
