"""Outputs and targets as classes and as values."""

from __future__ import annotations

import math

import pytest
import torch

from weightdesk.desk.outcomes.reading import Classes, Values


def test_tokens_on_either_axis() -> None:
    outputs = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0))
    targets = torch.randint(0, 3, (4, 5), generator=torch.Generator().manual_seed(1))
    last, second = Classes(3, 2), Classes(3, 1)
    assert torch.equal(last.predictions(outputs), outputs.argmax(2))
    assert torch.equal(second.predictions(outputs.transpose(1, 2)), last.predictions(outputs))
    truths = last.truths(targets, targets.shape)
    margins = last.margins(outputs, truths)
    for example in range(4):
        for token in range(5):
            row, truth = outputs[example, token].tolist(), targets[example, token].item()
            expected = row[truth] - max(each for place, each in enumerate(row) if place != truth)
            assert margins[example, token].item() == pytest.approx(expected, abs=1e-6)
    assert torch.equal(margins > 0, last.predictions(outputs) == truths)


def test_yes_or_no_and_shares() -> None:
    answers = Classes(2, None, 0.5)
    outputs = torch.tensor([[0.4], [0.6], [math.nan]])
    assert answers.predictions(outputs).tolist() == [[0], [1], [-1]]
    truths = answers.truths(torch.tensor([1.0, 1.0, 0.0]), torch.Size([3, 1]))
    assert answers.margins(outputs, truths)[:2].flatten().tolist() == pytest.approx([-0.1, 0.1])
    shares = torch.tensor([[0.2, 0.8], [0.9, 0.1]])
    assert Classes(2, 1, soft=True).truths(shares, torch.Size([2])).tolist() == [1, 0]
    assert Classes(3, 1, left_out=frozenset({1})).truths(
        torch.tensor([0, 1, 5]), torch.Size([3])
    ).tolist() == [0, -1, -1]


def test_values_of_any_shape() -> None:
    assert Values().residuals(torch.ones(2, 3, 2), torch.zeros(2, 3, 2)).shape == (2, 6)
    assert Values().residuals(torch.ones(2, 1), torch.zeros(2)).tolist() == [[1], [1]]
