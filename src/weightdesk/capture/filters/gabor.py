"""Gabor filters: stripes under a Gaussian window."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from jaxtyping import Float64
from torch import Tensor

from weightdesk.capture.filters.profile import ProfileModel, centres, coarse, turned


class Gabor(ProfileModel):
    """cos(2π · frequency · across + phase) under a Gaussian window with two widths.

    Source: Gabor 1946; Daugman 1985, "Uncertainty relation for resolution in space, spatial frequency,
    and orientation".

    >>> stripes = torch.tensor([1.0, -1, 1, -1, 1]).double().expand(1, 1, 5, 5)
    >>> found = Gabor().fit(stripes)
    >>> round(found.r2.item(), 2), round(found.parameters["frequency"].item(), 2)
    (1.0, 0.5)
    """

    word = "gabor"

    def ranges(self, height: int, width: int) -> Mapping[str, tuple[float, float]]:
        """Frequencies in cycles a pixel: from a quarter of a stripe in the filter to what pixels can hold."""
        size = max(height, width)
        window = (0.5, 2.0 * size)
        return centres(height, width) | {
            "orientation": (-10.0, 10.0),
            "frequency": (0.25 / size, 0.5),
            "phase": (-20.0, 20.0),
            "across": window,
            "along": window,
        }

    def starts(self, height: int, width: int) -> Mapping[str, Iterable[float]]:
        """Eight orientations, four or five frequencies, four phases and round windows of three widths."""
        size = max(height, width)
        return coarse(height, width) | {
            "orientation": [math.pi * k / 8 for k in range(8)],
            "frequency": [each for each in (0.5 / size, 0.12, 0.2, 0.3, 0.45) if each >= 0.5 / size],
            "phase": [math.pi * k / 4 for k in range(4)],
            "across": [size / 7, size / 4, size / 2],
            "along": [size / 3],
        }

    def profile(
        self,
        parameters: Float64[Tensor, "batch parameters"],
        x: Float64[Tensor, " places"],
        y: Float64[Tensor, " places"],
    ) -> Float64[Tensor, "batch places"]:
        """The stripes under their window."""
        across, along = turned(parameters, x, y)
        frequency, phase, wide, long = parameters[:, 3:, None].unbind(1)
        window = (-0.5 * ((across / wide).square() + (along / long).square())).exp()
        return window * (2 * math.pi * frequency * across + phase).cos()

    def readable(self, parameters: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Orientation from 0 to π, phase from 0 to π: amplitudes carry the sign."""
        half_turns = (parameters["orientation"] / math.pi).floor()
        phase = torch.where(half_turns % 2 == 1, -parameters["phase"], parameters["phase"])
        odd = (phase / math.pi).floor() % 2 == 1
        amplitudes = parameters["amplitudes"]
        return {
            **parameters,
            "orientation": parameters["orientation"] - half_turns * math.pi,
            "phase": phase % math.pi,
            "amplitudes": torch.where(odd[:, None], -amplitudes, amplitudes),
        }
