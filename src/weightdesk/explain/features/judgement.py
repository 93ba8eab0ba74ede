"""Asks in three ways which inputs a network uses, and compares the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from weightdesk.explain.features.agreement import agreements, verdict
from weightdesk.explain.features.grouping import grouping, names_of_features
from weightdesk.explain.features.integrated_gradients import integrated_gradients
from weightdesk.explain.features.objective import objective
from weightdesk.explain.features.permutation import by_permutation
from weightdesk.explain.features.result import FeatureImportance
from weightdesk.explain.features.weighing import by_weights
from weightdesk.explain.labels import Groups
from weightdesk.explain.loss import Loss


def feature_importance(
    model: nn.Module,
    inputs: Any,
    targets: Any,
    loss: Loss,
    *,
    names: Sequence[str] | None = None,
    baseline: Any = None,
    steps: int = 64,
    repeats: int = 10,
    seed: int = 0,
    groups: Groups | None = None,
    batch_dim: int = 0,
) -> FeatureImportance:
    """Which inputs the network as a whole uses, in three ways side by side, since they can disagree.

    By weights: what hold the first layer has of an input. By integrated gradients (Sundararajan et al.
    2017): what part of the loss's change from a baseline it has. By permutation (Breiman 2001): how much
    the loss grows when its values are dealt out anew. The last two judge the network as it is used on
    these inputs; the first only what the first layer could let through.

    Takes `steps` forward and backward passes and one forward pass for each feature and repeat, all after
    one another: the memory is that of one forward and backward pass of the batch and four copies of
    the inputs in float64.

    Arguments:
        model: any module, in train or eval mode; it is left as it was.
        inputs: a tensor, or a tuple of positional or a mapping of keyword arguments; the first tensor of
            real numbers holds the features, the rest is passed on as it is.
        targets: what the loss compares the outputs with.
        loss: takes outputs and targets, gives a scalar, such as `torch.nn.functional.cross_entropy`.
        names: of the features, or of the groups.
        baseline: where integrated gradients begin: a number, one example or a batch; zero if not given.
        steps: nodes of the Gauss-Legendre quadrature.
        repeats: permutations of each feature.
        seed: of the permutations, and of the random numbers that the model draws.
        groups: which elements are judged together: for each element of an example the number of its group,
            −1 for none, or a list of indices a group.
        batch_dim: the axis of the features that counts the examples.

    Raises:
        OptionError: an argument does not fit the inputs, or the loss is no scalar.
        IndexRangeError: a group's index lies outside an example.

    >>> import torch
    >>> layer, inputs = nn.Linear(2, 1, bias=False), torch.randn(64, 2)
    >>> _ = layer.requires_grad_(False).weight.copy_(torch.tensor([[2.0, 0.0]]))
    >>> found = feature_importance(layer, inputs, 2 * inputs[:, :1], nn.functional.mse_loss, names=["a", "b"])
    >>> float(found.permutation[1]), float(found.signed[1]), found.verdict
    (0.0, 0.0, 'they agree: all put a first; lowest rank correlation 1.00')
    """
    found = objective(model, inputs, targets, loss, seed, batch_dim)
    shape = tuple(found.features.shape[1:])
    grouped = grouping(shape, groups)
    named = names_of_features(shape, grouped.count, groups is not None, names)
    weights, missing = by_weights(found)
    weighed = None if weights is None else grouped.summed(weights)
    attributed = integrated_gradients(found, baseline, steps)
    sizes, signed = (grouped.summed(each.sum(0)) for each in (attributed.values.abs(), attributed.values))
    permuted, error = by_permutation(found, grouped, repeats, seed)
    rankings = {"weights": weighed, "gradients": sizes, "permutation": permuted}
    known = {way: values for way, values in rankings.items() if values is not None}
    agreed = agreements(known)
    return FeatureImportance(
        named, weighed, missing, sizes, signed, attributed.error, permuted, error,
        found.value(found.features), attributed.baseline_loss, agreed, verdict(known, agreed, named),
        steps, repeats,
    )  # fmt: skip
