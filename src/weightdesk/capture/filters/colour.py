"""Colour: one colour against its opposite, whatever the shape."""

from __future__ import annotations

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.capture.filters.model import FilterModel, Fit, share_explained


class Colour(FilterModel):
    """Any spatial profile times one direction of colour that has no grey in it.

    What grey there is, the mean over the channels at each place, it does not explain. The nearest member
    is the first singular pair of the rest (Eckart and Young 1936). Channels are colours, so this is for
    the layer at the inputs; filters with one channel have no colour.

    >>> patch = torch.randn(1, 1, 5, 5, dtype=torch.float64)
    >>> red_green = patch * torch.tensor([1.0, -1, 0]).double().view(1, 3, 1, 1)
    >>> grey = patch.expand(1, 3, 5, 5)
    >>> round(Colour().fit(red_green).r2.item(), 3), round(Colour().fit(grey).r2.item(), 3)
    (1.0, 0.0)
    """

    word = "colour"

    def free(self, channels: int, height: int, width: int) -> int:
        """The profile and the direction, whose length is the profile's and whose mean is zero."""
        return height * width + channels - 2

    def fit(self, weights: Float64[Tensor, "units channels height width"]) -> Fit:
        """The nearest member for each filter."""
        chromatic = weights - weights.mean(1, keepdim=True)
        left, sizes, right = torch.linalg.svd(chromatic.flatten(2), full_matrices=False)
        direction, profile = left[:, :, 0], sizes[:, :1] * right[:, 0]
        # the sign of a singular pair is open: the strongest channel is positive
        sign = direction.gather(1, direction.abs().argmax(1, keepdim=True)).sign()
        direction, profile = direction * sign, profile * sign
        fitted = (direction[:, :, None] * profile[:, None]).view_as(weights)
        parameters = {"direction": direction, "profile": profile.view(-1, *weights.shape[2:])}
        return Fit(share_explained(weights, fitted), parameters, fitted)
