"""What a training minimises, and how well a network does."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from weightdesk.training.data.dataset import Task

CHUNK = 2048  # examples at a time when measuring, so that memory stays bounded
WATCHED = 1000  # examples of the validation part that watch a training while it runs


@dataclass(frozen=True)
class Objective:
    """Cross-entropy of classes, or mean squared error of values.

    Arguments:
        task: classification or regression.
        unit: what one unit of each target means in the user's own units.

    >>> Objective("classification").score
    'accuracy'

    """

    task: Task
    unit: tuple[float, ...] = (1.0,)

    @property
    def score(self) -> str:
        """The measure that people compare: higher is better, 1 is perfect."""
        return "accuracy" if self.task == "classification" else "r2"

    def loss(self, outputs: Float[Tensor, "batch outputs"], targets: Tensor) -> Float[Tensor, ""]:
        """Return the mean loss of a batch, in nats or squared standardised units."""
        if self.task == "classification":
            return functional.cross_entropy(outputs, targets)
        return functional.mse_loss(outputs, targets)

    def measure(self, model: nn.Module, inputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Return loss and scores of a model in evaluation mode; its mode is put back afterwards.

        Classification: `loss`, `accuracy`. Regression: `loss`, `r2` (of all outputs together) and
        `mae`, the mean absolute error in the user's own units.
        """
        training = model.training
        model.eval()
        try:
            with torch.no_grad():
                outputs = torch.cat([model(chunk) for chunk in torch.split(inputs, CHUNK)])
        finally:
            model.train(training)
        return {"loss": float(self.loss(outputs, targets)), **self.scores(outputs, targets)}

    def scores(self, outputs: Float[Tensor, "batch outputs"], targets: Tensor) -> dict[str, float]:
        """Return `accuracy`, or `r2` and `mae`, of a model's outputs."""
        if self.task == "classification":
            return {"accuracy": float(accuracy(outputs, targets))}
        error = outputs - targets
        return {
            "r2": float(r2(outputs, targets)),
            "mae": float((error.abs() * error.new_tensor(self.unit)).mean()),
        }


def accuracy(outputs: Float[Tensor, "batch classes"], labels: Tensor) -> Float[Tensor, ""]:
    """Return the share of examples whose largest output is that of their class.

    >>> accuracy(torch.tensor([[2.0, 1.0], [0.0, 3.0]]), torch.tensor([0, 0])).item()
    0.5
    """
    return (outputs.argmax(dim=1) == labels).float().mean()


def r2(outputs: Float[Tensor, "batch outputs"], targets: Tensor) -> Float[Tensor, ""]:
    """Return the explained share of the targets' variance; 0 where the targets do not vary.

    >>> r2(torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0], [2.0]])).item()
    1.0
    """
    spread = (targets - targets.mean(dim=0)).square().sum()
    return torch.where(spread > 0, 1 - (targets - outputs).square().sum() / spread, 0.0)
