"""Losses by example are taken only where they add up to the loss of the set."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from desk.desks import PlainOutput, token_loss
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.desk.outcomes.examplelosses import split

LABELS = torch.tensor([0, 2, 1, 2, 0, 1, 1, 2])
LOGITS = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("loss", "mean"),
    [
        (functional.cross_entropy, True), (nn.CrossEntropyLoss(reduction="sum"), False),
        (lambda one, two: functional.cross_entropy(one, two), True),
        (lambda one, two: functional.cross_entropy(one, two, reduction="sum"), False),
        (lambda one, two: (one.logsumexp(1) - one.gather(1, two[:, None])[:, 0]).mean(), True),
    ],
)  # fmt: skip
def test_means_and_sums(loss: Callable[..., Tensor], mean: bool) -> None:
    found = split(loss, LOGITS.__getitem__, LABELS.__getitem__, 8)
    assert found is not None
    assert found.mean is mean
    expected = functional.cross_entropy(LOGITS, LABELS, reduction="none")
    assert torch.allclose(found(LOGITS, LABELS).float(), expected)
    assert found.total(found(LOGITS, LABELS)) == pytest.approx(loss(LOGITS, LABELS).item(), rel=1e-6)


@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(weight=torch.tensor([1.0, 9.0, 2.0])),  # a mean over weights, not over examples
        lambda one, two: functional.cross_entropy(one, two).sqrt(),
        lambda one, two: (one @ one.T).logsumexp(1).mean(),  # examples are compared
        lambda one, two: torch.tensor(functional.cross_entropy(one, two).item()),  # leaves torch
    ],
)
def test_losses_that_join_examples_have_none(loss: Callable[..., Tensor]) -> None:
    assert split(loss, LOGITS.__getitem__, LABELS.__getitem__, 8) is None


def test_tokens_of_objects() -> None:
    outputs, targets = torch.randn(6, 4, 3), torch.arange(24).reshape(6, 4) % 3
    found = split(token_loss, lambda some: PlainOutput(outputs[some]), targets.__getitem__, 6)
    assert found is not None
    losses = functional.cross_entropy(outputs.transpose(1, 2), targets, reduction="none").mean(1)
    assert torch.allclose(found(PlainOutput(outputs), targets).float(), losses)


def test_one_example_tells_no_mean_from_a_sum() -> None:
    assert split(functional.cross_entropy, LOGITS.__getitem__, LABELS.__getitem__, 1) is None
