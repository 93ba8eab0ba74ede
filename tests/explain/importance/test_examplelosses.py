from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from ablated_networks import classes, mlp, normal
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.explain.importance.examplelosses import mapped, unreduced_mean, unreduced_sum
from weightdesk.explain.importance.probe import make_probe

OUTPUTS, TARGETS = normal(6, 3), classes(6)


def custom(outputs: Tensor, targets: Tensor) -> Tensor:
    return -outputs.log_softmax(1).gather(1, targets[:, None]).mean()


@pytest.mark.parametrize("loss", [functional.cross_entropy, nn.CrossEntropyLoss(), custom])
def test_each_example_as_if_alone(loss: Callable[[Any, Any], Tensor]) -> None:
    alone = torch.stack([loss(OUTPUTS[i : i + 1], TARGETS[i : i + 1]) for i in range(6)])
    make = mapped if loss is custom else unreduced_mean
    torch.testing.assert_close(make(loss)(OUTPUTS, TARGETS), alone)
    torch.testing.assert_close(mapped(loss)(OUTPUTS, TARGETS), alone)


def test_sums_over_what_an_example_has() -> None:
    losses = unreduced_sum(nn.MSELoss(reduction="sum"))(torch.ones(2, 3), torch.zeros(2, 3))
    assert losses.tolist() == [3.0, 3.0]


@pytest.mark.parametrize("loss", [custom, nn.Identity()])
def test_what_has_no_reduction_cannot_leave_it_out(loss: Any) -> None:
    with pytest.raises(TypeError, match="no reduction"):
        unreduced_mean(loss)


@pytest.mark.parametrize(
    ("loss", "targets", "share"),
    [
        (functional.cross_entropy, TARGETS, 1 / 6),
        (nn.CrossEntropyLoss(reduction="sum"), TARGETS, 1.0),
        (nn.MSELoss(), OUTPUTS, 1 / 6),
        (nn.MSELoss(reduction="sum"), OUTPUTS, 1.0),
        (custom, TARGETS, 1 / 6),
        (lambda outputs, targets: (outputs - targets).square().sum(), OUTPUTS, 1.0),
    ],
)
def test_the_share_of_an_example_is_found_out(loss: Any, targets: Tensor, share: float) -> None:
    probe = make_probe(mlp(4, 3).double(), normal(6, 4), targets, loss, 0)
    assert probe.example_losses is not None
    assert probe.share == pytest.approx(share)
    with probe.running():
        assert probe.total() == pytest.approx(float(loss(probe.outputs(), targets)))


@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(weight=torch.tensor([0.1, 1.0, 5.0], dtype=torch.float64)),
        lambda outputs, targets: functional.cross_entropy(outputs, targets, ignore_index=0),
        lambda outputs, targets: outputs.std(),
        lambda outputs, targets: torch.tensor(float(outputs.sum())),
    ],
)
def test_losses_that_join_examples_are_found_out(loss: Any) -> None:
    assert make_probe(mlp(4, 3).double(), normal(6, 4), TARGETS, loss, 0).example_losses is None


def test_outputs_without_examples_are_found_out() -> None:
    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x).mean(0)

    probe = make_probe(Pooled().double(), normal(6, 4), normal(3), functional.mse_loss, 0)
    assert probe.example_losses is None
