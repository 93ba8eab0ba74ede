"""Pictures as Fourier coefficients of independent colours."""

from __future__ import annotations

from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from weightdesk.capture.pictures.likeness import Likeness
from weightdesk.capture.pictures.parameterisations.parameterisation import Parameterisation

_START: Final = 0.05


class Fourier(Parameterisation):
    """Coefficients scaled by 1 / frequency, as natural pictures are, so that a step moves all scales alike.

    The sum is bent into the range of real pixels by a sigmoid; zeros stand for the mean colour.
    Source: Olah, Mordvintsev and Schubert 2017, "Feature visualization".

    >>> from weightdesk.capture.pictures.likeness import likeness
    >>> like = likeness(torch.rand(9, 3, 8, 8))
    >>> Fourier().pictures(Fourier().start(2, like, torch.Generator().manual_seed(0)), like).shape
    torch.Size([2, 3, 8, 8])
    """

    rate = 0.02

    def start(
        self, count: int, like: Likeness, generator: torch.Generator
    ) -> Float[Tensor, "count channels height half two"]:
        """Weak noise."""
        return _START * torch.randn(count, *like.spectrum.shape, 2, generator=generator)

    def pictures(
        self, numbers: Float[Tensor, "count channels height half two"], like: Likeness
    ) -> Float[Tensor, "count channels height width"]:
        """The coefficients' pictures."""
        height, width = like.size
        rows, columns = torch.fft.fftfreq(height), torch.fft.rfftfreq(width)
        frequency = (rows[:, None].square() + columns.square()).sqrt().clamp_min(1 / max(height, width))
        independent = torch.fft.irfft2(torch.view_as_complex(numbers) / frequency, s=like.size, norm="ortho")
        # as strong as the strongest independent colour is in the real pictures
        strongest = like.colours.norm(dim=0).max()
        span = (like.high - like.low).clamp_min(1e-12)
        at_mean = torch.logit((like.mean - like.low) / span, eps=1e-3)
        bent = torch.sigmoid(at_mean + like.coloured(independent) / strongest)
        return like.low + span * bent
