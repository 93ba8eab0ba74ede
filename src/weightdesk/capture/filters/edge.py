"""Oriented edges: one side against the other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.capture.filters.profile import ProfileModel, centres, coarse, turned


class Edge(ProfileModel):
    """A step from one side to the other, soft or sharp, seen through a round Gaussian window.

    A sharp one is a Haar edge, a soft one nears the derivative of a Gaussian (Canny 1986, "A
    computational approach to edge detection").

    >>> sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]).double()
    >>> found = Edge().fit(sobel[None, None])
    >>> round(found.r2.item(), 3), abs(round(found.parameters["orientation"].sin().item(), 2))
    (1.0, 0.0)
    """

    word = "edge"

    def ranges(self, height: int, width: int) -> Mapping[str, tuple[float, float]]:
        """Softness and window in pixels."""
        size = max(height, width)
        return centres(height, width) | {
            "orientation": (-10.0, 10.0),
            "softness": (0.2, 2.0 * size),
            "window": (0.5, 2.0 * size),
        }

    def starts(self, height: int, width: int) -> Mapping[str, Iterable[float]]:
        """Sixteen orientations of half a turn, sharp and soft, three windows."""
        size = max(height, width)
        return coarse(height, width) | {
            "orientation": [math.pi * k / 16 for k in range(16)],
            "softness": [0.4, size / 4],
            "window": [size / 6, size / 3, size],
        }

    def profile(
        self,
        parameters: Float64[Tensor, "batch parameters"],
        x: Float64[Tensor, " places"],
        y: Float64[Tensor, " places"],
    ) -> Float64[Tensor, "batch places"]:
        """The step under its window."""
        across, along = turned(parameters, x, y)
        softness, window = parameters[:, 3:, None].unbind(1)
        return (across / softness).tanh() * (
            -0.5 * (across.square() + along.square()) / window.square()
        ).exp()

    def readable(self, parameters: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Orientation from 0 to π: amplitudes carry the sign."""
        half_turns = (parameters["orientation"] / math.pi).floor()
        amplitudes = parameters["amplitudes"]
        return {
            **parameters,
            "orientation": parameters["orientation"] - half_turns * math.pi,
            "amplitudes": torch.where((half_turns % 2 == 1)[:, None], -amplitudes, amplitudes),
        }
