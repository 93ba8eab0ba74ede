"""Blobs: a spot, with or without a surround."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jaxtyping import Float64
from torch import Tensor

from weightdesk.capture.filters.profile import ProfileModel, centres, coarse


class Blob(ProfileModel):
    """A round Gaussian minus a share of a wider one: a difference of Gaussians.

    With no surround it is a plain Gaussian. Source: Marr and Hildreth 1980, "Theory of edge detection".

    >>> spot = torch.tensor([0.0, 1, 0]).double().outer(torch.tensor([0.0, 1, 0]).double())
    >>> round(Blob().fit(spot[None, None]).r2.item(), 2)
    1.0
    """

    word = "blob"

    def ranges(self, height: int, width: int) -> Mapping[str, tuple[float, float]]:
        """The centre's width in pixels, how many times wider the surround is, and its height."""
        return centres(height, width) | {
            "window": (0.3, 2.0 * max(height, width)),
            "ratio": (1.2, 6.0),
            "surround": (0.0, 1.2),
        }

    def starts(self, height: int, width: int) -> Mapping[str, Iterable[float]]:
        """Four widths, with weak and strong surrounds."""
        size = max(height, width)
        return coarse(height, width) | {
            "window": [size / 12, size / 7, size / 4, size / 2],
            "ratio": [1.6, 3.0],
            "surround": [0.0, 0.2, 0.5, 0.9],
        }

    def profile(
        self,
        parameters: Float64[Tensor, "batch parameters"],
        x: Float64[Tensor, " places"],
        y: Float64[Tensor, " places"],
    ) -> Float64[Tensor, "batch places"]:
        """The spot minus its surround."""
        centre_x, centre_y, window, ratio, surround = parameters[:, :, None].unbind(1)
        distance = ((x - centre_x).square() + (y - centre_y).square()) / window.square()
        return (-0.5 * distance).exp() - surround * (-0.5 * distance / ratio.square()).exp()
