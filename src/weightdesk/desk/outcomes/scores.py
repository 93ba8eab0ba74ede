"""How well outputs meet their targets."""

from __future__ import annotations

import torch
from jaxtyping import Float64, Int64
from torch import Tensor


def right(
    predictions: Int64[Tensor, "examples ..."], truths: Int64[Tensor, "examples ..."]
) -> tuple[Float64[Tensor, " examples"], Float64[Tensor, " examples"]]:
    """How many places of each example are right, and how many count; a prediction of −1 is wrong.

    >>> right(torch.tensor([[0, 1], [1, -1]]), torch.tensor([[0, 0], [-1, 1]]))
    (tensor([1., 0.], dtype=torch.float64), tensor([2., 1.], dtype=torch.float64))
    """
    counted = truths >= 0
    hits = counted & (predictions == truths)
    return tuple(each.reshape(len(each), -1).sum(1, dtype=torch.float64) for each in (hits, counted))  # type: ignore[return-value]


def confusion_matrix(predictions: Tensor, truths: Tensor, classes: int) -> Int64[Tensor, "classes classes"]:
    """How many places of each true class (rows) were given each class (columns).

    Where outputs are no numbers no class is given, and the row sums to less than the class has.

    >>> confusion_matrix(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    known = (truths >= 0) & (predictions >= 0)
    cells = truths[known] * classes + predictions[known]
    return torch.bincount(cells, minlength=classes * classes).reshape(classes, classes).cpu()


def class_accuracy(predictions: Tensor, truths: Tensor, classes: int) -> Float64[Tensor, " classes"]:
    """The share of each class's places that are right; nan for a class without any.

    >>> class_accuracy(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), 3).tolist()
    [0.5, 1.0, nan]
    """
    counted = torch.bincount(truths[truths >= 0], minlength=classes)
    hits = torch.bincount(truths[(truths >= 0) & (predictions == truths)], minlength=classes)
    return (hits.double() / counted).cpu()


def distances(
    residuals: Float64[Tensor, "examples values"],
) -> tuple[Float64[Tensor, " examples"], Float64[Tensor, " examples"]]:
    """The distances of each example's values to their targets, summed, and how many these are."""
    return residuals.abs().sum(1), torch.full_like(residuals[:, 0], residuals.shape[1])


def explained(
    residuals: Float64[Tensor, "examples values"],
    targets: Float64[Tensor, "examples values"],
    middle: Float64[Tensor, " values"],
) -> tuple[Float64[Tensor, " examples"], Float64[Tensor, " examples"]]:
    """How much of each example's squared distance to the mean is explained, and that distance.

    The ratio of their sums over all examples is R², of all values together.

    >>> targets = torch.tensor([[1.0], [3.0]], dtype=torch.float64)
    >>> explained(torch.zeros_like(targets), targets, targets.mean(0))
    (tensor([1., 1.], dtype=torch.float64), tensor([1., 1.], dtype=torch.float64))
    """
    spread = (targets - middle).square().sum(1)
    return spread - residuals.square().sum(1), spread
