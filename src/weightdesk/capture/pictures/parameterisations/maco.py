"""Pictures with the spectrum of real ones: only phases are free."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from weightdesk.capture.pictures.likeness import Likeness
from weightdesk.capture.pictures.parameterisations.parameterisation import Parameterisation


class MACO(Parameterisation):
    """Every spatial frequency as strong as it is on the mean in real pictures; its phase is optimised.

    Values outside the range of real pixels are cut off. Source: Fel et al. 2023, "Unlocking feature
    visualization for deeper networks with magnitude constrained optimization".

    >>> from weightdesk.capture.pictures.likeness import likeness
    >>> like = likeness(torch.rand(9, 1, 8, 8))
    >>> MACO().pictures(MACO().start(2, like, torch.Generator().manual_seed(0)), like).shape
    torch.Size([2, 1, 8, 8])
    """

    rate = 0.2

    def start(
        self, count: int, like: Likeness, generator: torch.Generator
    ) -> Float[Tensor, "count channels height half"]:
        """Phases, all alike likely."""
        return 2 * math.pi * torch.rand(count, *like.spectrum.shape, generator=generator)

    def pictures(
        self, numbers: Float[Tensor, "count channels height half"], like: Likeness
    ) -> Float[Tensor, "count channels height width"]:
        """The pictures of these phases."""
        independent = torch.fft.irfft2(torch.polar(like.spectrum, numbers), s=like.size, norm="ortho")
        return (like.mean + like.coloured(independent)).clamp(like.low, like.high)
