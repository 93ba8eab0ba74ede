"""The directions in which classes lie apart, and how far apart they lie there."""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Float64, Int64
from torch import Tensor
from torch.nn import functional

_SMALLEST: Final = 1e-10  # share of the variance below which a direction is taken for flat


def class_means(
    features: Float64[Tensor, "examples features"], labels: Int64[Tensor, " examples"]
) -> Float64[Tensor, "classes features"]:
    """The mean of each class.

    >>> class_means(torch.tensor([[1.0], [3.0], [5.0]]).double(), torch.tensor([0, 0, 1])).flatten()
    tensor([2., 5.], dtype=torch.float64)
    """
    members = functional.one_hot(labels).double()
    return members.T @ features / members.sum(0).clamp(min=1)[:, None]


def discriminants(
    features: Float64[Tensor, "examples features"], labels: Int64[Tensor, " examples"]
) -> Float64[Tensor, "features directions"]:
    """Directions S_W⁻¹ (m_c − m) in which the classes lie apart, with S_W shrunk towards a multiple of 1.

    A matrix of the smaller side is solved: features × features, or examples × examples.

    >>> discriminants(torch.eye(4).double()[[0, 0, 1, 1]], torch.tensor([0, 0, 1, 1])).shape
    torch.Size([4, 1])
    """
    means = class_means(features, labels)
    within = features - means[labels]
    examples, size = within.shape
    # the directions sum to zero when weighted by the classes' sizes: one of them is none of its own
    towards = (means - features.mean(0))[:-1].T
    kept, added = _shrinkage(within)
    added = max(added, _SMALLEST * float((features - features.mean(0)).square().sum()) / within.numel())
    added = max(added, torch.finfo(torch.float64).tiny)
    if size <= examples:
        covariance = within.T @ within * (kept / examples)
        found: Tensor = torch.linalg.solve(covariance + added * torch.eye(size).double(), towards)
        return found
    gram = within @ within.T * (kept / examples)
    inner: Tensor = torch.linalg.solve(gram + added * torch.eye(examples).double(), within @ towards)
    return (towards - within.T @ inner * (kept / examples)) / added


def _shrinkage(centred: Float64[Tensor, "examples features"]) -> tuple[float, float]:
    """(1 − δ, δ μ): what is kept of the covariance, and what is added to its diagonal."""
    examples, size = centred.shape
    lengths = centred.square().sum(1)
    smaller = centred.T @ centred if size <= examples else centred @ centred.T
    square = float(smaller.square().sum()) / examples**2
    mean = float(lengths.sum()) / (examples * size)
    apart = square - size * mean**2
    error = (float(lengths.square().sum()) / examples - square) / examples
    share_added = min(max(error / apart, 0.0), 1.0) if apart > 0 else 1.0
    return 1 - share_added, share_added * mean


def discriminant_ratio(
    features: Float64[Tensor, "examples directions"],
    labels: Int64[Tensor, " examples"],
    weights: Float64[Tensor, "resamples examples"],
) -> Float64[Tensor, " resamples"]:
    """tr(S_W⁻¹ S_B) with weighted examples; beyond about 10¹⁰ a ratio is not told from a larger one.

    >>> points, classes = torch.tensor([[0.0], [2.0], [10.0], [12.0]]).double(), torch.tensor([0, 0, 1, 1])
    >>> discriminant_ratio(points, classes, torch.ones(1, 4).double())
    tensor([25.0000], dtype=torch.float64)
    """
    members = functional.one_hot(labels).double()
    centred = features - features.mean(0)
    counts = weights @ members
    sums = torch.einsum("re,ec,ed->rcd", weights, members, centred)
    moments = torch.einsum("re,ed,ef->rdf", weights, centred, centred)
    between = torch.einsum("rcd,rcf->rdf", sums, sums / counts.clamp(min=1)[..., None])
    whole = sums.sum(1) / counts.sum(1, keepdim=True)
    within = moments - between
    between = between - counts.sum(1)[:, None, None] * whole[:, :, None] * whole[:, None, :]
    flat = _SMALLEST * moments.diagonal(dim1=1, dim2=2) + torch.finfo(torch.float64).tiny
    ratios: Tensor = torch.linalg.solve(within + torch.diag_embed(flat), between)
    return ratios.diagonal(dim1=1, dim2=2).sum(1)
