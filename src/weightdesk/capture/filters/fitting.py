"""Fits every filter of a layer with every model, and random filters the same way."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from weightdesk.capture.filters.blob import Blob
from weightdesk.capture.filters.colour import Colour
from weightdesk.capture.filters.edge import Edge
from weightdesk.capture.filters.gabor import Gabor
from weightdesk.capture.filters.model import FilterModel, Fit
from weightdesk.capture.filters.result import FilterFits
from weightdesk.capture.progress import Progress, followed, part, silent
from weightdesk.errors import OptionError

MODELS: Final[Mapping[str, FilterModel]] = MappingProxyType(
    {model.word: model for model in (Edge(), Blob(), Gabor(), Colour())}
)
"""Every model of filters, by the word that a filter is given."""


def fit_filters(
    weights: Float[Tensor, "units channels height width"],
    *,
    random: int = 200,
    seed: int = 0,
    progress: Progress = silent,
) -> FilterFits:
    """Say of each filter whether it is an oriented edge, a blob, a Gabor filter or a colour, and how surely.

    Each filter is fitted with each model by least squares. As the models have different numbers of free
    parameters, the word is that of the highest adjusted R² = 1 − (1 − R²) n / (n − p), where n is the
    number of the filter's weights and p that of the parameters; a model with p ≥ n is left out. As even
    adjusted R² favours the best of several models, filters whose weights are the layer's own at random
    places are fitted in the same way, and a filter only gets a word where at most 5 % of them are
    fitted as well.

    Arguments:
        weights: of the convolution at the inputs.
        random: how many filters of random weights are fitted.
        seed: of the random places.
        progress: told how far it is.

    Raises:
        OptionError: the weights are not those of a convolution over pictures, or not all finite, or there
            is no random filter.

    Source: adjusted R²: Theil 1961; scrambled weights: Adebayo et al. 2018.

    >>> sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    >>> found = fit_filters(torch.stack([sobel, sobel.T])[:, None], random=50)
    >>> [round(each, 2) for each in found.r2[:, found.models.index("edge")].tolist()]
    [1.0, 1.0]
    """
    if weights.ndim != 4 or not weights.numel():
        raise OptionError(
            "weights must have the shape (units, channels, height, width) of a convolution over pictures, "
            f"got {tuple(weights.shape)}"
        )
    if not weights.isfinite().all():
        raise OptionError("weights must be finite, got some that are not")
    if random < 1:
        raise OptionError(f"random must be 1 or more, got {random}")
    known = weights.detach().cpu().double()
    fits = _fit_all(known, part(progress, 0.0, 0.4))
    chance = _fit_all(_scrambled(known, random, seed), part(progress, 0.4, 1.0))
    free = {name: MODELS[name].free(*known.shape[1:]) for name in fits}
    return FilterFits(known, fits, free, _r2(fits), _r2(chance))


def _fit_all(weights: Float64[Tensor, "units channels height width"], progress: Progress) -> dict[str, Fit]:
    wanted = [name for name in MODELS if name != Colour.word or weights.shape[1] > 1]
    return {name: MODELS[name].fit(weights) for name in followed(wanted, "filters", progress)}


def _r2(fits: Mapping[str, Fit]) -> Float64[Tensor, "units models"]:
    return torch.stack([each.r2 for each in fits.values()], 1)


def _scrambled(weights: Tensor, count: int, seed: int) -> Tensor:
    """So many filters, of the layer's weights at random places."""
    generator = torch.Generator().manual_seed(seed)
    size = weights[0].numel()
    rounds = -(-count * size // weights.numel())
    orders = [torch.randperm(weights.numel(), generator=generator) for _ in range(rounds)]
    return weights.flatten()[torch.cat(orders)][: count * size].view(count, *weights.shape[1:])
