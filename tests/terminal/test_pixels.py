from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.terminal.palette import NEGATIVE, POSITIVE
from weightdesk.terminal.pixels import EMPTY, tile_pixels, tile_size
from weightdesk.terminal.tiles import Tiles


def test_channels_stand_apart() -> None:
    maps = np.array([[[[1.0]], [[-1.0]]]], np.float32)
    drawn = tile_pixels(Tiles("", maps, ("0",)), zoom=2)
    row = [list(POSITIVE)] * 2 + [[EMPTY] * 3] + [list(NEGATIVE)] * 2
    assert drawn.tolist() == [[row, row]]


@given(st.tuples(*[st.integers(1, 4)] * 4), st.integers(1, 3))
def test_the_size_of_a_tile_is_told_before_it_is_drawn(shape: tuple[int, ...], zoom: int) -> None:
    tiles = Tiles("", np.ones(shape, np.float32), ("",) * shape[0])
    assert tile_pixels(tiles, zoom).shape == (shape[0], *tile_size(tiles, zoom), 3)
