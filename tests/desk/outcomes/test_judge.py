"""What outputs are judged by."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from weightdesk.desk.outcomes.judge import make_judge
from weightdesk.errors import OptionError

OUTPUTS, LABELS = torch.randn(9, 3, generator=torch.Generator().manual_seed(0)), torch.arange(9) % 3


def test_parts_add_up_to_the_whole() -> None:
    for reduction, count in (("mean", 90), ("sum", 9)):

        def loss(one: torch.Tensor, two: torch.Tensor, how: str = reduction) -> torch.Tensor:
            return functional.cross_entropy(one, two, reduction=how)

        judge = make_judge(loss, OUTPUTS.__getitem__, LABELS.__getitem__, 9, LABELS)
        parts, whole = judge.parts(OUTPUTS, LABELS, count), judge.judge(OUTPUTS, LABELS)
        assert parts["loss"].ratio == pytest.approx(whole["loss"], rel=1e-6)
        assert parts["accuracy"].ratio == whole["accuracy"]


def test_the_default_is_said() -> None:
    judge = make_judge(None, OUTPUTS.__getitem__, LABELS.__getitem__, 9, LABELS)
    assert "cross entropy" in judge.notes[0]
    values = torch.randn(9, 3)
    judge = make_judge(None, OUTPUTS.__getitem__, values.__getitem__, 9, values)
    assert "mean squared error" in judge.notes[0]
    assert set(judge.judge(OUTPUTS, values)) == {"loss", "error", "r2"}


def test_a_loss_without_what_it_needs() -> None:
    judge = make_judge(functional.cross_entropy, OUTPUTS.__getitem__, lambda _: None, 9, None)
    assert judge.judge(OUTPUTS, None) == {}
    assert "needs targets" in judge.notes[0]
    judge = make_judge(lambda one, _: one.sum(), OUTPUTS.__getitem__, lambda _: None, 9, None)
    assert judge.judge(OUTPUTS, None)["loss"] == pytest.approx(OUTPUTS.sum().item())


def test_a_loss_that_cannot_take_the_outputs_is_one_line() -> None:
    with pytest.raises(OptionError, match=r"outputs \(dict\).*lambda outputs, targets") as caught:
        make_judge(
            functional.cross_entropy, lambda some: {"logits": OUTPUTS[some]}, LABELS.__getitem__, 9, LABELS
        )
    assert "\n" not in str(caught.value)
