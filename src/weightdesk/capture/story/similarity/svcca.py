"""Canonical correlations between what varies most in two layers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.capture.story.representation import centred

_FLAT: Final = 1e-10  # share of the largest variance below which an axis is taken for flat


@dataclass(frozen=True)
class Svcca:
    """Whether the same directions of variation are there in two layers, however large they are.

    Arguments:
        kept: share of the variance that the principal components of a layer keep; 1: all, which is CCA.
    """

    kept: float = 0.99

    def prepared(self, features: Float64[Tensor, "examples features"]) -> Float64[Tensor, "examples axes"]:
        """The examples on the principal axes that keep the variance, each axis scaled to length 1."""
        moved = centred(features)
        wide = moved.shape[1] > len(moved)
        variances, axes = torch.linalg.eigh(moved @ moved.T if wide else moved.T @ moved)
        variances, axes = variances.flip(0).clamp(min=0), axes.flip(1)
        before = variances.cumsum(0) - variances
        needed = (before < self.kept * variances.sum()) & (variances > _FLAT * variances[:1])
        chosen: Tensor = axes[:, needed]
        return chosen if wide else moved @ (chosen / variances[needed].sqrt())

    def between(
        self, first: Float64[Tensor, "examples axes"], second: Float64[Tensor, "examples others"]
    ) -> float:
        """The mean canonical correlation of two prepared layers."""
        if not (first.shape[1] and second.shape[1]):
            return math.nan
        return float(torch.linalg.svdvals(first.T @ second).mean())


def svcca(
    first: Float64[Tensor, "examples features"],
    second: Float64[Tensor, "examples others"],
    *,
    kept: float = 0.99,
) -> float:
    """The mean canonical correlation between the principal components of two layers.

    It stays the same when the features of a layer are rotated, moved, or scaled all alike; with
    `kept=1` under any invertible linear map. With many axes and few examples it is high by chance.

    Arguments:
        first: what a layer gives for the examples.
        second: what another one gives for the same examples.
        kept: share of the variance that is kept.

    Source: Raghu et al. 2017, "SVCCA: Singular vector canonical correlation analysis for deep learning
    dynamics and interpretability".

    >>> points = torch.randn(50, 3, dtype=torch.float64)
    >>> round(svcca(points, points @ torch.tensor([[2.0, 1, 0], [0, 1, 5], [0, 0, 3]]).double(), kept=1), 9)
    1.0
    """
    measure = Svcca(kept)
    return measure.between(measure.prepared(first), measure.prepared(second))
