"""The first weights as a picture file: crisp tiles with the number of each unit, and the scale."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from weightdesk.terminal.figures import number, shorten
from weightdesk.terminal.lettering import FAINT, FONT, INK, PAPER, plain, width_of
from weightdesk.terminal.palette import colours
from weightdesk.terminal.pixels import EMPTY, tile_pixels, tile_size
from weightdesk.terminal.tiles import Tiles

_TILE: Final = 84  # pixels that a tile should have at least
_MATRIX: Final = 560  # the same for a matrix
_LARGEST_ZOOM: Final = 28
_WIDEST_NAME: Final = 28
_MARGIN, _GAP, _LINE = 24, 12, 18
_STRIP: Final = (220, 12)


def picture(tiles: Tiles) -> Image.Image:
    """Draw all maps, each weight as a square of the same whole number of pixels.

    Arguments:
        tiles: the maps; all have one scale of colours, told by a strip below.

    """
    wanted = _MATRIX if tiles.rows else _TILE
    zoom = max(1, min(_LARGEST_ZOOM, round(wanted / max(tiles.maps.shape[2:]))))
    count, (height, width) = len(tiles.maps), tile_size(tiles, zoom)
    columns = min(count, max(1, round(math.sqrt(1.5 * count * (height + _LINE + _GAP) / (width + _GAP)))))
    left = _MARGIN + _names_width(tiles)
    top = _MARGIN + 2 * _LINE
    rows = -(-count // columns)
    across = left + columns * (width + _GAP) - _GAP + _MARGIN
    down = top + rows * (height + _LINE + _GAP) + 2 * _LINE + _MARGIN
    title = plain(tiles.title)
    sheet = Image.new("RGB", (max(across, 2 * _MARGIN + max(width_of(title), 2 * _STRIP[0])), down), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), title, fill=INK, font=FONT)
    for place, (image, name) in enumerate(zip(tile_pixels(tiles, zoom), tiles.names, strict=True)):
        x = left + place % columns * (width + _GAP)
        y = top + place // columns * (height + _LINE + _GAP)
        draw.text((x, y), name, fill=FAINT, font=FONT)
        opaque = np.where(image == EMPTY, PAPER, image).astype(np.uint8)
        sheet.paste(Image.fromarray(opaque), (x, y + _LINE))
    _draw_row_names(draw, tiles, zoom, left, top + _LINE)
    _draw_scale(sheet, tiles.scale, down - _MARGIN - _LINE)
    return sheet


def _draw_row_names(draw: ImageDraw.ImageDraw, tiles: Tiles, zoom: int, right: int, top: int) -> None:
    every = -(-_LINE // zoom)  # rows that one line of text is high
    for row in range(0, len(tiles.rows), every):
        middle = top + (row + 0.5) * zoom
        draw.text((right - 6, middle), _name(tiles.rows[row]), fill=FAINT, font=FONT, anchor="rm")


def _draw_scale(sheet: Image.Image, scale: float, top: int) -> None:
    draw = ImageDraw.Draw(sheet)
    low, high = (plain(number(end)) for end in (-scale, scale))
    draw.text((_MARGIN, top - 3), low, fill=INK, font=FONT)
    x = _MARGIN + width_of(low) + 8
    strip = colours(np.tile(np.linspace(-1, 1, _STRIP[0]), (_STRIP[1], 1)), 1.0)
    sheet.paste(Image.fromarray(strip), (x, top))
    draw.text((x + _STRIP[0] + 8, top - 3), high, fill=INK, font=FONT)


def _names_width(tiles: Tiles) -> int:
    return max((width_of(_name(each)) + 6 for each in tiles.rows), default=0)


def _name(text: str) -> str:
    return plain(shorten(text, _WIDEST_NAME))
