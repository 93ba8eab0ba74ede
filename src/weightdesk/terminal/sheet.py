"""The pictures of a page as one file: a contact sheet with their names."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

from weightdesk.explain.images import Picture
from weightdesk.terminal.lettering import FAINT, FONT, INK, PAPER, plain, width_of

_MARGIN, _GAP, _LINE = 24, 12, 18


def contact_sheet(title: str, pictures: Sequence[Picture]) -> Image.Image:
    """Put pictures beside each other, each over its name.

    Arguments:
        title: what they are.
        pictures: one at least.

    >>> import torch
    >>> contact_sheet("units", [Picture("unit 0", torch.zeros(1, 8, 8))]).size
    (112, 166)
    """
    images = [each.image() for each in pictures]
    names = [plain(each.name) for each in pictures]
    width = max(max(each.width for each in images), max(map(width_of, names)))
    height = max(each.height for each in images)
    columns = min(len(images), max(1, round(math.sqrt(1.6 * len(images) * (height + _LINE) / width))))
    rows = -(-len(images) // columns)
    across = max(columns * (width + _GAP) - _GAP, width_of(plain(title))) + 2 * _MARGIN
    down = rows * (height + _LINE + _GAP) - _GAP + 2 * _LINE + 2 * _MARGIN
    sheet = Image.new("RGB", (across, down), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), plain(title), fill=INK, font=FONT)
    for place, (image, name) in enumerate(zip(images, names, strict=True)):
        x = _MARGIN + place % columns * (width + _GAP)
        y = _MARGIN + 2 * _LINE + place // columns * (height + _LINE + _GAP)
        sheet.paste(image, (x, y))
        draw.text((x, y + image.height + 2), name, fill=FAINT, font=FONT)
    return sheet
