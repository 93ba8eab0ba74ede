from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.color import Color
from rich.style import Style

from weightdesk.terminal.halfblocks import half_blocks, layout, mosaic
from weightdesk.terminal.palette import NEGATIVE, POSITIVE
from weightdesk.terminal.pixels import EMPTY
from weightdesk.terminal.tiles import Tiles


def maps(*shape: int) -> Tiles:
    return Tiles("maps", np.ones(shape, np.float32), tuple(map(str, range(shape[0]))))


def test_two_pixels_share_a_character() -> None:
    column = np.array([1.0, -1.0, 1.0], np.float32).reshape(1, 1, 3, 1)
    drawn = half_blocks(Tiles("", column, ("0",)), width=1, lines=2)
    assert drawn is not None
    assert drawn.plain.split("\n")[:2] == ["▀", "▀"]
    blue, orange = Color.from_rgb(*POSITIVE), Color.from_rgb(*NEGATIVE)
    assert [span.style for span in drawn.spans[:2]] == [Style(color=blue, bgcolor=orange), Style(color=blue)]


def test_a_tile_that_begins_on_a_lower_half() -> None:
    drawn = half_blocks(maps(2, 1, 2, 1), width=1, lines=3)
    assert drawn is not None
    assert drawn.plain.split("\n")[:3] == ["▀", "▄", "▀"]


def test_the_legend_tells_the_scale_and_what_is_left_out() -> None:
    tiles = Tiles("", np.full((9, 1, 4, 6), -0.25, np.float32), ("",) * 9)
    drawn = half_blocks(tiles, width=14, lines=2)
    assert drawn is not None
    legend = drawn.plain.split("\n")[-1]
    assert legend.startswith("-0.250 ████")
    assert legend.endswith("0.250   2 of 9 units; --png FILE draws all")


def test_a_map_that_has_no_room_is_not_drawn() -> None:
    assert half_blocks(maps(1, 1, 64, 64), width=40, lines=40) is None


@given(st.integers(1, 40), st.integers(1, 3), st.integers(1, 9), st.integers(20, 99), st.integers(3, 20))
def test_what_is_drawn_fits(count: int, channels: int, side: int, width: int, lines: int) -> None:
    tiles = maps(count, channels, side, side)
    drawn = half_blocks(tiles, width, lines)
    if drawn is None:
        assert layout(tiles, width, lines)[1] == 0
        return
    *picture, _ = drawn.plain.split("\n")
    assert len(picture) <= lines + 1
    assert all(len(line) <= width for line in picture)


def test_images_are_laid_out_in_rows() -> None:
    images = np.arange(5, dtype=np.int16)[:, None, None, None].repeat(3, axis=3)
    canvas = mosaic(images, width=5)[:, :, 0]
    assert canvas.tolist() == [[0, EMPTY, 1, EMPTY, 2], [EMPTY] * 5, [3, EMPTY, 4, EMPTY, EMPTY], [EMPTY] * 5]


@pytest.mark.parametrize(("count", "zoom"), [(1, 4), (24, 2), (80, 1)])
def test_maps_are_as_large_as_there_is_room(count: int, zoom: int) -> None:
    assert layout(maps(count, 1, 3, 3), width=79, lines=10) == (zoom, count)
