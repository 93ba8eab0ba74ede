"""The loss where none is given."""

from __future__ import annotations

import pytest
import torch
from desk.desks import PlainOutput
from torch.nn import functional

from weightdesk.desk.outcomes.defaultloss import default_loss, describe
from weightdesk.errors import OptionError


def test_classes_values_tokens_pictures_and_yes_or_no() -> None:
    logits, labels = torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 0])
    assert torch.equal(default_loss(logits, labels), functional.cross_entropy(logits, labels))
    assert torch.equal(default_loss(PlainOutput(logits), labels), functional.cross_entropy(logits, labels))
    tokens, classes = torch.randn(5, 4, 4), torch.arange(20).reshape(5, 4) % 4
    assert torch.equal(
        default_loss(tokens, classes), functional.cross_entropy(tokens.transpose(1, 2), classes)
    )
    pictures, pixels = torch.randn(2, 3, 3, 3), torch.arange(18).reshape(2, 3, 3) % 3
    assert torch.equal(default_loss(pictures, pixels), functional.cross_entropy(pictures, pixels))
    values, targets = torch.randn(5, 1), torch.randn(5)
    assert torch.equal(default_loss(values, targets), functional.mse_loss(values[:, 0], targets))
    answers = torch.tensor([0, 1, 1, 0, 1])
    expected = functional.binary_cross_entropy_with_logits(values[:, 0], answers.float())
    assert torch.allclose(default_loss(values, answers), expected)


def test_what_fits_neither_is_one_clear_line() -> None:
    for outputs, targets in (
        (torch.randn(5, 3), torch.randn(5)),
        (torch.randn(5, 3), torch.zeros(4, dtype=torch.long)),
        (torch.randn(5), torch.tensor([3, 0, 1, 2, 4])),
        ("text", torch.zeros(3)),
    ):
        with pytest.raises(OptionError, match="pass loss=") as caught:
            default_loss(outputs, targets)
        assert "\n" not in str(caught.value)


def test_people_are_told() -> None:
    assert "mean squared error" in describe(torch.zeros(2))
    assert "cross entropy" in describe(torch.tensor([1]))
