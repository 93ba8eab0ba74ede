"""What real pictures are like, so that made ones stay within it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from weightdesk.errors import OptionError

_TINY: Final = 1e-4


@dataclass(frozen=True, eq=False)
class Likeness:
    """What is measured on real pictures, in the units in which the network is given them.

    Attributes:
        low: the least value in each channel.
        high: the largest.
        mean: the mean.
        colours: from independent colours to channels: a square root of the channels' covariance.
        spectrum: mean magnitude of each spatial frequency of each independent colour (`rfft2`, orthonormal).
        size: height and width.
    """

    low: Float[Tensor, "channels 1 1"]
    high: Float[Tensor, "channels 1 1"]
    mean: Float[Tensor, "channels 1 1"]
    colours: Float[Tensor, "channels channels"]
    spectrum: Float[Tensor, "channels height half"]
    size: tuple[int, int]

    def contrast(
        self, pictures: Float[Tensor, "pictures channels height width"]
    ) -> Float[Tensor, " pictures"]:
        """The root mean square distance from the mean colour."""
        return (pictures - self.mean).square().mean((1, 2, 3)).sqrt()

    def coloured(
        self, independent: Float[Tensor, "pictures channels height width"]
    ) -> Float[Tensor, "pictures channels height width"]:
        """Distances from the mean colour, from amounts of independent colours."""
        return torch.einsum("dc,nchw->ndhw", self.colours, independent)

    def held(
        self,
        pictures: Float[Tensor, "pictures channels height width"],
        contrast: Float[Tensor, " pictures"],
    ) -> Float[Tensor, "pictures channels height width"]:
        """The same with no more than some contrast: where it is higher, nearer to the mean colour."""
        present = self.contrast(pictures).clamp_min(_TINY)
        factor = (contrast / present).clamp_max(1.0)[:, None, None, None]
        return self.mean + (pictures - self.mean) * factor


def likeness(pictures: Float[Tensor, "examples channels height width"]) -> Likeness:
    """Measure real pictures.

    >>> found = likeness(torch.tensor([-1.0, 3.0]).view(2, 1, 1, 1).expand(2, 1, 4, 4))
    >>> found.low.item(), found.high.item(), found.mean.item(), found.colours.item()
    (-1.0, 3.0, 1.0, 2.0)
    """
    channels = pictures.shape[1]
    flat = pictures.transpose(0, 1).reshape(channels, -1)
    mean = flat.mean(1, keepdim=True)
    apart = (flat - mean).double()
    variances, vectors = torch.linalg.eigh(apart @ apart.T / flat.shape[1])
    spread = variances.clamp_min(0).sqrt()
    # a colour that never occurs keeps a trace, so that the way back exists
    spread = spread.clamp_min(_TINY * spread.max().clamp_min(_TINY))
    back = (vectors / spread).T.to(pictures)
    independent = torch.einsum("cd,ndhw->nchw", back, pictures - mean[:, :, None])
    return Likeness(
        flat.amin(1).view(-1, 1, 1),
        flat.amax(1).view(-1, 1, 1),
        mean.view(-1, 1, 1),
        (vectors * spread).to(pictures),
        torch.fft.rfft2(independent, norm="ortho").abs().mean(0),
        (pictures.shape[2], pictures.shape[3]),
    )


def cut(
    pictures: Float[Tensor, "examples channels height width"], size: int | None
) -> Float[Tensor, "windows channels size size"]:
    """Square windows of a size that half overlap and cover the pictures; None: the pictures as they are.

    Raises:
        OptionError: these are no pictures, or smaller ones.

    >>> cut(torch.zeros(2, 3, 8, 10), 4).shape
    torch.Size([24, 3, 4, 4])
    """
    if pictures.ndim != 4 or not pictures.is_floating_point():
        raise OptionError(
            "inputs must be pictures of the shape (examples, channels, height, width), "
            f"got {pictures.dtype} of {tuple(pictures.shape)}"
        )
    if size is None or tuple(pictures.shape[2:]) == (size, size):
        return pictures
    if size < 1 or size > min(pictures.shape[2:]):
        raise OptionError(
            f"size must be from 1 to the {min(pictures.shape[2:])} pixels of the real pictures, got {size}"
        )
    rows, columns = (_starts(whole, size) for whole in pictures.shape[2:])
    return torch.cat(
        [pictures[:, :, top : top + size, left : left + size] for top in rows for left in columns]
    )


def _starts(whole: int, size: int) -> list[int]:
    count = -(-2 * (whole - size) // size) + 1
    return [round(at * (whole - size) / max(1, count - 1)) for at in range(count)]
