"""Margins and sharpness by their definitions, the same each time, and the network as it was."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from weightdesk.checkup.generalisation import weigh


def test_margins_are_those_of_the_definition() -> None:
    torch.manual_seed(0)
    model, inputs, labels = nn.Linear(4, 3), torch.randn(40, 4), torch.randint(3, (40,))
    found = weigh(model, inputs, labels, nn.functional.cross_entropy)
    outputs = model(inputs).detach()
    margins = []
    for row, label in zip(outputs, labels.tolist(), strict=True):
        margins.append(float(row[label] - max(row[other] for other in range(3) if other != label)))
    assert found.margin == pytest.approx(sorted(margins)[19])
    assert found.wrong == pytest.approx(sum(each < 0 for each in margins) / 40)
    assert found.loss == pytest.approx(float(nn.functional.cross_entropy(outputs, labels)))


def test_sharpness_of_a_quadratic_is_half_its_curvature_times_the_noise() -> None:
    torch.manual_seed(0)
    model = nn.Linear(50, 1, bias=False)
    inputs = torch.eye(50)
    targets = model(inputs).detach()  # the lowest point: the loss is the mean square of the noise
    found = weigh(model, inputs, targets, lambda out, to: (out - to).square().mean())
    size = 0.05**2 * float(model.weight.detach().square().mean())
    assert found.sharpness == pytest.approx(size, abs=2 * found.sharpness_error + 0.2 * size)
    assert found.margin is None


def test_the_same_seed_gives_the_same_and_leaves_the_weights() -> None:
    model, inputs, labels = nn.Linear(4, 3), torch.randn(40, 4), torch.randint(3, (40,))
    before = model.weight.clone()
    assert weigh(model, inputs, labels, nn.functional.cross_entropy) == weigh(
        model, inputs, labels, nn.functional.cross_entropy
    )
    assert torch.equal(model.weight, before)
