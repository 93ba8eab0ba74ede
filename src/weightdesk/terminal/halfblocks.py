"""Maps drawn in a terminal: each character is two pixels, one above the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from jaxtyping import Int16
from rich.color import Color
from rich.style import Style
from rich.text import Text

from weightdesk.terminal.figures import number
from weightdesk.terminal.palette import colours
from weightdesk.terminal.pixels import EMPTY, tile_pixels, tile_size
from weightdesk.terminal.tiles import Tiles

_LARGEST_ZOOM: Final = 4
_LEGEND: Final = 16


def half_blocks(tiles: Tiles, width: int, lines: int) -> Text | None:
    """Draw as many of the maps as fit, all on one scale of colours, with a legend below.

    Arguments:
        tiles: the maps.
        width: characters there are.
        lines: most lines of the picture itself.

    Returns:
        None where not even one map has room.

    """
    zoom, shown = layout(tiles, width, lines)
    if not shown:
        return None
    pixels = mosaic(tile_pixels(tiles, zoom)[:shown], width)
    legend = _legend(tiles.scale)
    if shown < len(tiles.maps):
        legend.append(f"   {shown} of {len(tiles.maps)} units; --png FILE draws all", style="dim")
    return Text("\n", no_wrap=True).join([*_lines(pixels), legend])


def layout(tiles: Tiles, width: int, lines: int) -> tuple[int, int]:
    """The largest zoom at which all maps fit, and their number; or no zoom and as many as fit.

    >>> filters, faces = np.zeros((32, 1, 3, 3), np.float32), np.zeros((64, 1, 28, 28), np.float32)
    >>> [layout(Tiles("", maps, ()), width=80, lines=16) for maps in (filters, faces)]
    [(2, 32), (1, 2)]
    """
    room = 0
    for zoom in range(_LARGEST_ZOOM, 0, -1):
        height, broad = tile_size(tiles, zoom)
        room = ((width + 1) // (broad + 1)) * ((2 * lines + 1) // (height + 1))
        if room >= len(tiles.maps):
            return zoom, len(tiles.maps)
    return 1, room


def mosaic(
    images: Int16[np.ndarray, "tiles height width 3"], width: int
) -> Int16[np.ndarray, "even_height full_width 3"]:
    """Lay images out in rows with an empty pixel between them.

    >>> mosaic(np.zeros((3, 2, 2, 3), np.int16), width=5).shape
    (6, 5, 3)
    """
    count, height, broad, _ = images.shape
    columns = max(1, min(count, (width + 1) // (broad + 1)))
    rows = -(-count // columns)
    canvas = np.full((rows * (height + 1) + 1 & -2, columns * (broad + 1) - 1, 3), EMPTY, np.int16)
    for place, image in enumerate(images):
        top, left = place // columns * (height + 1), place % columns * (broad + 1)
        canvas[top : top + height, left : left + broad] = image
    return canvas


def _lines(pixels: Int16[np.ndarray, "even_height width 3"]) -> Iterator[Text]:
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        line = Text()
        for above, below in zip(upper.tolist(), lower.tolist(), strict=True):
            line.append(*_cell(above, below))
        yield line


def _cell(above: Sequence[int], below: Sequence[int]) -> tuple[str, Style | None]:
    if above[0] == below[0] == EMPTY:
        return " ", None
    if above[0] == EMPTY:
        return "▄", Style(color=_colour(below))
    if below[0] == EMPTY:
        return "▀", Style(color=_colour(above))
    return "▀", Style(color=_colour(above), bgcolor=_colour(below))


def _colour(pixel: Sequence[int]) -> Color:
    red, green, blue = pixel
    return Color.from_rgb(red, green, blue)


def _legend(scale: float) -> Text:
    legend = Text(f"{number(-scale)} ")
    for red, green, blue in colours(np.linspace(-1, 1, _LEGEND), 1.0).tolist():
        legend.append("█", style=Style(color=Color.from_rgb(red, green, blue)))
    return legend.append(f" {number(scale)}")
