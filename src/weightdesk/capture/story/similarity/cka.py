"""Linear centred kernel alignment."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.capture.story.representation import centred
from weightdesk.errors import OptionError


@dataclass(frozen=True)
class Cka:
    """Whether the same pairs of examples are alike in two layers.

    Arguments:
        debiased: whether to estimate without the examples' likeness to themselves, which makes any two
            layers of many features alike when there are few examples.
    """

    debiased: bool = True

    def prepared(
        self, features: Float64[Tensor, "examples features"]
    ) -> Float64[Tensor, "examples features"]:
        """The features, moved and scaled so that their similarity to themselves is 1.

        Raises:
            OptionError: there are fewer than four examples.
        """
        if len(features) < 4:
            raise OptionError(f"CKA takes 4 examples or more, got {len(features)}")
        moved = centred(features)
        itself = self.between(moved, moved)
        return moved / itself**0.25 if itself > 0 else torch.full_like(moved, torch.nan)

    def between(
        self, first: Float64[Tensor, "examples features"], second: Float64[Tensor, "examples others"]
    ) -> float:
        """The Hilbert-Schmidt independence criterion of two prepared layers, but for a constant factor."""
        together = _product(first, second)
        if not self.debiased:
            return together
        examples = len(first)
        own, others = first.square().sum(1), second.square().sum(1)
        both = float(own @ others)
        whole = float(own.sum() * others.sum()) / ((examples - 1) * (examples - 2))
        return together - both + whole - 2 * both / (examples - 2)


def _product(
    first: Float64[Tensor, "examples features"], second: Float64[Tensor, "examples others"]
) -> float:
    """‖XᵀY‖² = ⟨XXᵀ, YYᵀ⟩, by whichever of the two takes fewer multiplications."""
    examples, features, others = *first.shape, second.shape[1]
    if features * others <= examples * (features + others):
        return float((first.T @ second).square().sum())
    return float(((first @ first.T) * (second @ second.T)).sum())


def linear_cka(
    first: Float64[Tensor, "examples features"],
    second: Float64[Tensor, "examples others"],
    *,
    debiased: bool = True,
) -> float:
    """The linear CKA of two layers: HSIC(X, Y) / √(HSIC(X, X) HSIC(Y, Y)).

    It stays the same when the features of a layer are rotated, moved, or scaled all alike. Debiased, it
    is 0 on average for layers that have nothing to do with each other, so it can be below 0.

    Arguments:
        first: what a layer gives for the examples.
        second: what another one gives for the same examples.
        debiased: whether HSIC is estimated without bias.

    Raises:
        OptionError: there are fewer than four examples.

    Sources: Kornblith et al. 2019, "Similarity of neural network representations revisited"; Song et
    al. 2012, "Feature selection via dependence maximization", equation 5, for HSIC without bias, which for
    centred features needs nothing of the examples' products but ‖XᵀY‖² and their diagonals.

    >>> points = torch.randn(50, 3, dtype=torch.float64)
    >>> round(linear_cka(points, 2 * points.flip(1)), 9)
    1.0
    """
    measure = Cka(debiased)
    return measure.between(measure.prepared(first), measure.prepared(second))
