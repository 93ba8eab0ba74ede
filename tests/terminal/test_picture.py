from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from weightdesk.terminal.palette import NEGATIVE, POSITIVE
from weightdesk.terminal.picture import picture
from weightdesk.terminal.tiles import Tiles


def squares(image: Image.Image, colour: tuple[int, ...]) -> int:
    return int((np.asarray(image) == np.array(colour)).all(axis=2).sum())


def test_each_weight_is_a_square_of_its_colour() -> None:
    maps = np.zeros((4, 1, 3, 3), np.float32)
    maps[0, 0, 1, 1], maps[3, 0, 0, 2] = 1.0, -1.0
    drawn = picture(Tiles("conv", maps, tuple("0123")))
    # A square of 28 pixels each, and the ends of the scale below.
    assert squares(drawn, POSITIVE) == 28 * 28 + 12
    assert squares(drawn, NEGATIVE) == 28 * 28 + 12


@pytest.mark.parametrize(
    ("shape", "rows"),
    [
        ((1, 1, 1, 1), ("knob",)),
        ((1, 1, 30, 16), tuple("abcdefghijklmnopqrstuvwxyzäöü…")),
        ((64, 3, 7, 7), ()),
    ],
)
def test_any_tiles_make_a_picture_of_sensible_size(shape: tuple[int, ...], rows: tuple[str, ...]) -> None:
    drawn = picture(Tiles("a title × of some length", np.ones(shape, np.float32), ("0",) * shape[0], rows))
    assert 100 < drawn.width < 2000
    assert 100 < drawn.height < 2000


def test_a_large_matrix_keeps_a_pixel_a_weight() -> None:
    rows = tuple(map(str, range(512)))
    drawn = picture(Tiles("", np.ones((1, 1, 512, 512), np.float32), ("",), rows))
    assert squares(drawn, POSITIVE) == 512 * 512 + 12


def test_the_same_tiles_give_the_same_picture() -> None:
    tiles = Tiles("conv", np.linspace(-1, 1, 36, dtype=np.float32).reshape(4, 1, 3, 3), tuple("0123"))
    assert picture(tiles).tobytes() == picture(tiles).tobytes()
