"""How far apart the classes lie in a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor
from torch.nn import functional

from weightdesk.capture.story.discriminants import class_means, discriminant_ratio, discriminants
from weightdesk.capture.story.resampling import Estimate, bootstrap, permutations, share, spread
from weightdesk.errors import OptionError

_FEWEST: Final = 4  # examples of a class: two to learn from and two to judge by
_SMALLEST: Final = 1e-10  # cosine distance of examples that all point the same way


@dataclass(frozen=True)
class Separability:
    """Three scores of one layer, each with what permuted labels reach.

    Attributes:
        fisher: Fisher's discriminant ratio tr(S_W⁻¹ S_B) on held-out examples; 0 or more.
        accuracy: share of held-out examples whose nearest class mean is that of their class.
        separation: 1 − (cosine distance within classes) / (cosine distance overall); 1 at the most.
        chance: for each of these, the largest value with permuted labels.
    """

    fisher: Estimate
    accuracy: Estimate
    separation: Estimate
    chance: tuple[float, float, float]


def separability(
    features: Float64[Tensor, "examples features"],
    labels: Int64[Tensor, " examples"],
    *,
    resamples: int = 200,
    permuted: int = 5,
    seed: int = 0,
) -> Separability:
    """How far apart the classes lie, measured in three ways.

    The discriminant directions and the class means are found on one half of the examples of each
    class, and judged on the other, so that many features are not mistaken for classes apart. Intervals
    are over the judged examples: bootstrap, and Wilson's for the accuracy.

    Arguments:
        features: of a layer.
        labels: −1 where a class cannot be told; classes of fewer than four examples are left out.
        resamples: of the bootstrap.
        permuted: how many times the labels are dealt out anew; 0: chance is not a number.
        seed: of the halves, the resamples and the permutations.

    Raises:
        OptionError: fewer than two classes are left.

    Sources: Fisher 1936; Fukunaga 1990, §10.2; Ledoit and Wolf 2004 for the shrinkage; Mensink et al.
    2013, nearest class mean; Kornblith et al. 2021, "Why do better loss functions lead to less
    transferable features?", separation.

    >>> apart = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).double().repeat(20, 1)
    >>> found = separability(apart, torch.tensor([0, 1]).repeat(20))
    >>> found.accuracy.value, found.separation.value
    (1.0, 1.0)
    """
    features, labels = judged(features, labels)
    train = _first_halves(labels, seed)
    weights = bootstrap(len(labels), resamples, seed)
    chances = [_values(features, labels[order], train) for order in permutations(len(labels), permuted, seed)]
    worst = torch.tensor(chances or [(torch.nan,) * 3]).amax(0).tolist()
    fisher, accuracy, separation = _values(features, labels, train)
    projected = _projected(features, labels, train)
    redrawn = bootstrap(len(projected), resamples, seed)
    return Separability(
        spread(fisher, discriminant_ratio(projected, labels[~train], redrawn)),
        share(round(accuracy * len(projected)), len(projected)),
        spread(separation, class_separation(features, labels, weights)),
        (worst[0], worst[1], worst[2]),
    )


def _values(
    features: Float64[Tensor, "examples features"],
    labels: Int64[Tensor, " examples"],
    train: Bool[Tensor, " examples"],
) -> tuple[float, float, float]:
    projected = _projected(features, labels, train)
    right = nearest_means(features[train], labels[train], features[~train]) == labels[~train]
    once = torch.ones(1, len(projected), dtype=torch.float64)
    every = torch.ones(1, len(labels), dtype=torch.float64)
    return (
        discriminant_ratio(projected, labels[~train], once).item(),
        right.double().mean().item(),
        class_separation(features, labels, every).item(),
    )


def judged(
    features: Float64[Tensor, "examples features"], labels: Int64[Tensor, " examples"]
) -> tuple[Float64[Tensor, "some features"], Int64[Tensor, " some"]]:
    """The examples of classes that have enough of them, and their classes numbered without gaps.

    Raises:
        OptionError: fewer than two classes are left.

    >>> judged(torch.ones(9, 2).double(), torch.tensor([5, 5, 5, 5, -1, 7, 7, 7, 7]))[1]
    tensor([0, 0, 0, 0, 1, 1, 1, 1])
    """
    found, counts = torch.unique(labels, return_counts=True)
    enough = found[(counts >= _FEWEST) & (found >= 0)]
    if len(enough) < 2:
        raise OptionError(
            f"classes can be told apart from two on with {_FEWEST} examples each, got {len(enough)}"
        )
    chosen = torch.isin(labels, enough)
    return features[chosen], torch.searchsorted(enough, labels[chosen])


def _first_halves(labels: Int64[Tensor, " examples"], seed: int) -> Bool[Tensor, " examples"]:
    """Whether an example is in the half of its class that is learned from."""
    order = permutations(len(labels), 1, seed)[0]
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for each in range(int(labels.max()) + 1):
        members = order[labels[order] == each]
        chosen[members[: len(members) // 2]] = True
    return chosen


def _projected(
    features: Float64[Tensor, "examples features"],
    labels: Int64[Tensor, " examples"],
    train: Bool[Tensor, " examples"],
) -> Float64[Tensor, "held_out directions"]:
    """The other half on the discriminant directions of the first."""
    return features[~train] @ discriminants(features[train], labels[train])


def nearest_means(
    features: Float64[Tensor, "examples features"],
    labels: Int64[Tensor, " examples"],
    others: Float64[Tensor, "others features"],
) -> Int64[Tensor, " others"]:
    """The class whose mean is nearest to each of other examples.

    >>> nearest_means(torch.eye(2).double(), torch.tensor([0, 1]), torch.tensor([[0.2, 0.9]]).double())
    tensor([1])
    """
    means = class_means(features, labels)
    return (means.square().sum(1) - 2 * others @ means.T).argmin(1)


def class_separation(
    features: Float64[Tensor, "examples features"],
    labels: Int64[Tensor, " examples"],
    weights: Float[Tensor, "resamples examples"],
) -> Float64[Tensor, " resamples"]:
    """1 − (mean cosine distance within classes) / (mean over all pairs), each class counting the same.

    Source: Kornblith et al. 2021, equation 11. The mean over pairs is the square of a mean vector.

    >>> points = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).double()
    >>> class_separation(points, torch.tensor([0, 1]), torch.ones(1, 2))
    tensor([1.], dtype=torch.float64)
    """
    unit, weights = functional.normalize(features, dim=1), weights.double()
    members = functional.one_hot(labels).double()
    counts = (weights @ members).clamp(min=1)
    per_class = [weights[:, labels == each] @ unit[labels == each] for each in range(counts.shape[1])]
    means = torch.stack(per_class, 1) / counts[..., None]
    within = 1 - means.square().sum(2).mean(1)
    overall = 1 - means.mean(1).square().sum(1)
    apart = 1 - within / overall.clamp(min=_SMALLEST)
    return torch.where(overall > _SMALLEST, apart, torch.zeros_like(apart))
