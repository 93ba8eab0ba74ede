"""Which colour a weight has: blue above zero, orange below, the paler the closer to it."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, UInt8

Image: TypeAlias = npt.NDArray[np.uint8]

POSITIVE: Final = (8, 105, 184)
ZERO: Final = (238, 240, 242)
NEGATIVE: Final = (236, 122, 16)
NOT_FINITE: Final = (200, 0, 140)


def colours(values: Float[np.ndarray, "*shape"], scale: float) -> UInt8[np.ndarray, "*shape 3"]:
    """The colour of each value, as red, green and blue.

    Arguments:
        values: any shape; NaN and infinities get a colour of their own.
        scale: the size of a value that has the full colour; larger ones have it too.

    >>> colours(np.array([2.0, 0.0]), scale=2.0).tolist() == [list(POSITIVE), list(ZERO)]
    True
    """
    finite = np.isfinite(values)
    strength = np.where(finite, np.clip(values / (scale or 1.0), -1, 1), 0.0)[..., None]
    ends = np.where(strength > 0, POSITIVE, NEGATIVE)
    mixed = np.rint(ZERO + np.abs(strength) * (ends - np.array(ZERO)))
    return np.where(finite[..., None], mixed, NOT_FINITE).astype(np.uint8)
