"""Small random changes of pictures: what excites a unit only at exact pixels does not survive them."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

SHIFT, SCALE, TURN = 1 / 16, 0.05, math.radians(5)


def jostled(
    pictures: Float[Tensor, "pictures channels height width"], generator: torch.Generator
) -> Float[Tensor, "pictures channels height width"]:
    """Each picture shifted by up to 1/16 of its size, scaled by up to 5 % and turned by up to 5°.

    Shares of the size, so that a picture of 8 pixels moves by half a pixel and one of 224 by 14.
    Source: Olah, Mordvintsev and Schubert 2017, "Feature visualization".

    >>> even = torch.ones(1, 1, 8, 8)
    >>> torch.allclose(jostled(even, torch.Generator().manual_seed(0)), even)
    True
    """
    draw = 2 * torch.rand(4, len(pictures), generator=generator) - 1
    scale, turn = 1 + SCALE * draw[0], TURN * draw[1]
    # places run from −1 to 1, so the size is 2
    shift = 2 * SHIFT * draw[2:].T
    cosine, sine = scale * turn.cos(), scale * turn.sin()
    turned = torch.stack([cosine, -sine, sine, cosine], 1).view(-1, 2, 2)
    grid = functional.affine_grid(
        torch.cat([turned, shift[:, :, None]], 2), list(pictures.shape), align_corners=False
    )
    return functional.grid_sample(pictures, grid.to(pictures), padding_mode="border", align_corners=False)
