"""How targets are read is found out from the loss, and left open where it is not certain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.desk.outcomes.reading import Classes, Values
from weightdesk.desk.outcomes.recognition import recognise

LABELS = torch.tensor([0, 2, 1, 2, 0, 1])
LOGITS = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))


def focal(outputs: Tensor, targets: Tensor) -> Tensor:
    shares = outputs.log_softmax(1).gather(1, targets[:, None]).squeeze(1)
    return (-((1 - shares.exp()) ** 2) * shares).mean()


@pytest.mark.parametrize(
    "loss",
    [
        functional.cross_entropy, nn.CrossEntropyLoss(label_smoothing=0.3), focal, nn.MultiMarginLoss(),
        lambda one, two: functional.nll_loss(one.log_softmax(1), two),
        lambda one, two: functional.mse_loss(one, functional.one_hot(two, 3).float()),
        nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0, 0.5])),
    ],
)  # fmt: skip
def test_losses_of_classes(loss: Callable[..., Tensor]) -> None:
    assert recognise(loss, LOGITS, LABELS) == (Classes(3, 1), "")


@pytest.mark.parametrize("axis", [1, 2])
def test_the_axis_of_classes_is_the_one_that_the_loss_takes_even_in_a_cube(axis: int) -> None:
    generator = torch.Generator().manual_seed(0)
    outputs, targets = torch.randn(6, 5, 5), torch.randint(0, 5, (6, 5), generator=generator)

    def loss(one: Tensor, two: Tensor) -> Tensor:
        return functional.cross_entropy(one.movedim(axis, 1), two)

    assert recognise(loss, outputs, targets) == (Classes(5, axis), "")


def test_targets_in_one_long_row() -> None:
    outputs, targets = torch.randn(4, 3, 5), torch.arange(12) % 5
    found, _ = recognise(lambda one, two: functional.cross_entropy(one.flatten(0, 1), two), outputs, targets)
    assert found == Classes(5, 2)
    assert isinstance(found, Classes)
    assert found.truths(targets, torch.Size([4, 3])).tolist() == targets.reshape(4, 3).tolist()


def test_padding_is_left_out() -> None:
    outputs, targets = torch.randn(3, 4, 5), torch.tensor([[1, 2, 0, 0], [3, 4, 1, 0], [1, 1, 2, -100]])
    loss = nn.CrossEntropyLoss(ignore_index=0)
    targets_in = targets.clamp(min=0)
    found, _ = recognise(lambda one, two: loss(one.transpose(1, 2), two), outputs, targets_in)
    assert found == Classes(5, 2, left_out=frozenset({0}))
    found, _ = recognise(
        lambda one, two: functional.cross_entropy(one.transpose(1, 2), two), outputs, targets
    )
    assert found == Classes(5, 2)
    assert isinstance(found, Classes)
    assert found.truths(targets, targets.shape)[2, 3] == -1


def test_shifted_targets_are_not_read_as_they_stand() -> None:
    """The loss compares each output with the next target: an accuracy without the shift would be wrong."""
    outputs, targets = torch.randn(4, 6, 5), torch.arange(24).reshape(4, 6) * 3 % 5

    def loss(one: Tensor, two: Tensor) -> Tensor:
        return functional.cross_entropy(one[:, :-1].flatten(0, 1), two[:, 1:].flatten())

    found, note = recognise(loss, outputs, targets)
    assert found is None
    assert "no accuracy" in note


def test_a_loss_of_some_places_only_gives_no_accuracy_of_all() -> None:
    outputs, targets = torch.randn(4, 6, 5), torch.arange(24).reshape(4, 6) % 5
    found, _ = recognise(lambda one, two: functional.cross_entropy(one[:, -1], two[:, -1]), outputs, targets)
    assert found is None


@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_one_logit_for_yes_and_no(shape: tuple[int, ...]) -> None:
    answers = torch.tensor([0.0, 1, 1, 0, 1, 0]).reshape(shape)
    loss = functional.binary_cross_entropy_with_logits
    assert recognise(loss, torch.randn(shape), answers)[0] == Classes(2, None, 0.0)
    weighted = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(7.0))
    assert recognise(weighted, torch.randn(shape), torch.ones(shape))[0] == Classes(2, None, 0.0)
    assert recognise(nn.BCELoss(), torch.rand(shape), answers)[0] == Classes(2, None, 0.5)
    # The same targets with a loss of values are values: 0 and 1 alone tell nothing.
    assert recognise(nn.MSELoss(), torch.randn(shape), answers)[0] == Values()
    assert recognise(nn.L1Loss(), torch.randn(shape), answers)[0] == Values()


def test_shares_of_classes_and_rows_of_values() -> None:
    shares = torch.rand(6, 3).softmax(1)
    assert recognise(functional.cross_entropy, LOGITS, shares)[0] == Classes(3, 1, soft=True)
    assert recognise(functional.mse_loss, LOGITS, shares)[0] == Values()
    assert recognise(functional.mse_loss, LOGITS, torch.eye(3).repeat(2, 1))[0] == Classes(3, 1, soft=True)
    assert recognise(functional.mse_loss, LOGITS, torch.randn(6, 3))[0] == Values()


@pytest.mark.parametrize(
    ("outputs", "targets"),
    [
        (LOGITS, LOGITS[:, :2]),
        (LOGITS, "text"),
        (torch.tensor(1.0), LABELS),
        ("text", LABELS),
        (LOGITS, torch.arange(5)),
    ],
)
def test_what_cannot_be_read_is_left_open(outputs: Any, targets: Any) -> None:
    found, note = recognise(lambda one, two: LOGITS.sum(), outputs, targets)
    assert found is None
    assert note


def test_several_outputs_are_said() -> None:
    outputs = {"logits": LOGITS, "value": torch.randn(6)}
    found, note = recognise(lambda one, two: functional.cross_entropy(one["logits"], two), outputs, LABELS)
    assert found == Classes(3, 1)
    assert "several outputs" in note
