"""Maps of weights as pixels, for the terminal and for picture files alike."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Int16

from weightdesk.terminal.palette import colours
from weightdesk.terminal.tiles import Tiles

EMPTY: Final = -1
"""In the place of a colour where nothing is."""


def tile_pixels(tiles: Tiles, zoom: int) -> Int16[np.ndarray, "tiles height width 3"]:
    """Each tile in colours, a weight as a square of `zoom` pixels, channels an empty pixel apart.

    >>> two = Tiles("two channels", np.zeros((1, 2, 3, 3), np.float32), ("0",))
    >>> tile_pixels(two, zoom=2).shape
    (1, 6, 13, 3)
    """
    coloured = colours(tiles.maps, tiles.scale).astype(np.int16)
    large = np.repeat(np.repeat(coloured, zoom, axis=2), zoom, axis=3)
    apart = np.pad(large, ((0, 0), (0, 0), (0, 0), (0, 1), (0, 0)), constant_values=EMPTY)
    count, channels, height, width, _ = apart.shape
    return apart.transpose(0, 2, 1, 3, 4).reshape(count, height, channels * width, 3)[:, :, :-1]


def tile_size(tiles: Tiles, zoom: int) -> tuple[int, int]:
    """Height and width of a tile in pixels.

    >>> tile_size(Tiles("two channels", np.zeros((1, 2, 3, 3), np.float32), ("0",)), zoom=2)
    (6, 13)
    """
    _, channels, height, width = tiles.maps.shape
    return height * zoom, channels * (width * zoom + 1) - 1
