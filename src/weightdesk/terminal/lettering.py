"""Letters on pictures: one font, and what it has."""

from __future__ import annotations

import math
from typing import Final

from PIL import ImageFont

FONT: Final = ImageFont.load_default(size=13)
PAPER, INK, FAINT = (255, 255, 255), (32, 33, 36), (110, 114, 120)

_ASCII: Final = str.maketrans({"×": "x", "∞": "inf", "…": "..", "–": "-", "≥": ">=", "²": "2", "−": "-"})


def plain(text: str) -> str:
    """The text in letters that Pillow's own font has.

    >>> plain("3 × 3 …")
    '3 x 3 ..'
    """
    return text.translate(_ASCII)


def width_of(text: str) -> int:
    """How many pixels it is wide.

    >>> width_of("ii") < width_of("mm")
    True
    """
    return math.ceil(FONT.getlength(text))
