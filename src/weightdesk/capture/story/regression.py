"""Multinomial logistic regression, for many labellings of the same examples at once."""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional

L2: Final = 1e-2
STEPS: Final = 300
TOLERANCE: Final = 1e-3  # of the mean loss's gradient; far below what changes an accuracy


def fit(
    features: Float[Tensor, "examples features"],
    labels: Int64[Tensor, "labellings examples"],
    classes: int,
    l2: float = L2,
    steps: int = STEPS,
    tolerance: float = TOLERANCE,
) -> Float[Tensor, "labellings features_and_one classes"]:
    """Minimise mean cross-entropy + l2/2 · |W|² for each labelling; the bias, in the last row, is free.

    The Hessian of the cross-entropy never exceeds ½ XᵀX / n for a class (Böhning 1992, "Multinomial
    logistic regression algorithm"), so one factorisation serves all steps, classes and labellings; with
    Nesterov's momentum, restarted where it leads uphill (O'Donoghue & Candès 2015), it takes tens of steps.

    Arguments:
        features: best of mean 0 and spread 1, as the penalty treats all alike.
        labels: class numbers, one row a labelling.
        classes: how many there are.
        l2: weight of the penalty.
        steps: most steps.
        tolerance: the largest element of the gradient at which it ends.

    >>> x = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]])
    >>> weights = fit(x, torch.tensor([[0, 0, 1, 1], [1, 1, 0, 0]]), 2)
    >>> correct(weights, x, torch.tensor([0, 0, 1, 1])).float().mean(1).tolist()
    [1.0, 0.0]
    """
    design = _with_one(features)
    penalty = torch.full((design.shape[1], 1), l2).to(design)
    penalty[-1] = 0
    curvature = design.T @ design / (2 * len(design)) + penalty.diagflat()
    curvature.diagonal().add_(1e-6 * curvature.diagonal().mean())
    factor = torch.linalg.cholesky(curvature)
    wanted = functional.one_hot(labels, classes).to(design)
    weights = ahead = torch.zeros(len(labels), design.shape[1], classes).to(design)
    pace = 1.0
    for _ in range(steps):
        errors = (design @ ahead).softmax(2) - wanted
        gradient = design.T @ errors / len(design) + penalty * ahead
        moved = ahead - torch.cholesky_solve(gradient, factor.expand(len(labels), -1, -1))
        uphill = bool((gradient * (moved - weights)).sum() > 0)
        following = 1.0 if uphill else (1 + (1 + 4 * pace**2) ** 0.5) / 2
        momentum = 0.0 if uphill else (pace - 1) / following
        ahead, weights, pace = moved + momentum * (moved - weights), moved, following
        if gradient.abs().max() < tolerance:
            break
    return weights


def correct(
    weights: Float[Tensor, "labellings features_and_one classes"],
    features: Float[Tensor, "examples features"],
    labels: Int64[Tensor, " examples"],
) -> Bool[Tensor, "labellings examples"]:
    """Whether each example's most likely class is its own, by each labelling's weights."""
    return (_with_one(features) @ weights).argmax(2) == labels


def _with_one(features: Float[Tensor, "examples features"]) -> Float[Tensor, "examples features_and_one"]:
    return torch.cat([features, features.new_ones(len(features), 1)], dim=1)
