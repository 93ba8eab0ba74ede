"""How many numbers it takes to say where an example lies in a layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.capture.story.representation import centred
from weightdesk.capture.story.resampling import ENDS, Estimate, halves, permutations, spread
from weightdesk.errors import OptionError

_ROWS: Final = 1024  # of the distances that are held at once
_SAME: Final = 1e-7  # of the largest distance from the mean: nearer points are taken for the same one


@dataclass(frozen=True)
class Dimension:
    """Two dimensions of one layer, each with that of its features dealt out anew.

    Attributes:
        two_nn: of the curved surface on which the examples lie, from each one's two nearest neighbours.
        participation: of the flat space over which their variance is spread.
        shuffled: both again, once each feature is permuted among the examples for itself: what the
            features would span if they had nothing to do with each other.
    """

    two_nn: Estimate
    participation: Estimate
    shuffled: tuple[float, float]


def dimension(
    features: Float64[Tensor, "examples features"], *, resamples: int = 20, seed: int = 0
) -> Dimension:
    """The intrinsic and the linear dimension of a layer.

    Arguments:
        features: of a layer.
        resamples: halves of the examples from which the interval of the participation ratio comes.
        seed: of the halves and of the permutations.

    Raises:
        OptionError: there are fewer than four examples.

    >>> line = torch.rand(500, 1, dtype=torch.float64) * torch.ones(1, 7, dtype=torch.float64)
    >>> round(dimension(line).participation.value, 6)
    1.0
    """
    if len(features) < 4:
        raise OptionError(f"a dimension can be told from 4 examples on, got {len(features)}")
    orders = permutations(len(features), features.shape[1], seed)
    shuffled = torch.stack([each[order] for each, order in zip(features.T, orders, strict=True)], 1)
    parts = [participation_ratio(features[half]) for half in halves(len(features), resamples, seed)]
    return Dimension(
        two_nn(features),
        spread(participation_ratio(features), torch.tensor(parts)),
        (two_nn(shuffled).value, participation_ratio(shuffled)),
    )


def participation_ratio(features: Float64[Tensor, "examples features"]) -> float:
    """(Σ λ)² / Σ λ² over the variances λ along the principal axes; not a number where nothing varies.

    From the covariance of the features or the products of the examples, whichever is smaller.

    Source: Gao et al. 2017, "A theory of multineuronal dimensionality, dynamics and measurement".

    >>> participation_ratio(torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]]).double())
    2.0
    """
    moved = centred(features)
    smaller = moved.T @ moved if moved.shape[1] <= len(moved) else moved @ moved.T
    square = float(smaller.square().sum())
    return float(smaller.trace()) ** 2 / square if square else math.nan


def two_nn(features: Float64[Tensor, "examples features"], discard: float = 0.1) -> Estimate:
    """The dimension from the ratio μ of each example's distances to its second and first neighbour.

    On a surface of dimension d that is evenly filled at this scale, log μ is exponential with rate d.
    The largest ratios, where it is not, are only counted as larger: a type-II censored sample, whose
    estimate (k − 1) / (Σ log μᵢ + (n − k) log μₖ) over the k smallest is unbiased and has an exact
    interval. It neglects that neighbours share neighbours.

    Arguments:
        features: of a layer; of examples that lie on each other, one is kept.
        discard: share of the ratios that are only counted.

    Returns:
        Not numbers where fewer than four examples lie apart.

    Sources: Facco et al. 2017, "Estimating the intrinsic dimension of datasets by a minimal
    neighborhood information"; Epstein and Sobel 1953, "Life testing".

    >>> generator = torch.Generator().manual_seed(0)
    >>> plane = torch.rand(2000, 2, generator=generator, dtype=torch.float64)
    >>> round(two_nn(plane).value)
    2
    """
    from scipy.stats import chi2  # type: ignore[import-untyped]  # takes long to load

    ratios = _log_ratios(features)
    count = len(ratios)
    kept = count - int(discard * count)
    if kept < 4:
        return Estimate(math.nan, math.nan, math.nan)
    waited = float(ratios[:kept].sum() + (count - kept) * ratios[kept - 1])
    if not waited:
        return Estimate(math.inf, math.inf, math.inf)
    low, high = (float(chi2.ppf(each, 2 * kept)) / (2 * waited) for each in ENDS)
    return Estimate((kept - 1) / waited, low, high)


def _log_ratios(features: Float64[Tensor, "examples features"]) -> Float64[Tensor, " apart"]:
    """The logarithm of each example's second distance over its first, the smallest first."""
    points: Tensor = torch.unique(features, dim=0)
    points = points - points.mean(0)
    lengths = points.square().sum(1)
    if len(points) < 3:
        return lengths[:0]
    rows = torch.split(torch.arange(len(points)), _ROWS)
    nearest = torch.cat([_nearest(points, lengths, each) for each in rows])
    apart = nearest[:, 0] > (_SAME**2) * lengths.max()
    ratios: Tensor = torch.sort((nearest[apart, 1] / nearest[apart, 0]).log() / 2).values
    return ratios


def _nearest(
    points: Float64[Tensor, "points features"], lengths: Float64[Tensor, " points"], rows: Tensor
) -> Float64[Tensor, "rows 2"]:
    """The squared distances of some points to their two nearest others."""
    distances = lengths[rows, None] + lengths - 2 * points[rows] @ points.T
    distances[torch.arange(len(rows)), rows] = torch.inf
    return distances.topk(2, largest=False).values.clamp(min=0)
