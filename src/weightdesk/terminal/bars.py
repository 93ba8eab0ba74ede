"""Numbers of very different size as small bars on one logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

_EIGHTHS: Final[tuple[str, ...]] = ("", *"▏▎▍▌▋▊▉")


def decades(values: Iterable[float | None]) -> tuple[float, float] | None:
    """The powers of ten between which all positive values lie; None where there are none.

    The lower one is at least half a decade below, so that the least value still has a bar to compare.

    >>> decades([0.05, None, 0.0, 2.0])
    (0.01, 10.0)
    """
    found = [math.log10(each) for each in values if each is not None and 0 < each < math.inf]
    if not found:
        return None
    low = math.floor(min(found) - 0.5)
    return 10.0**low, 10.0 ** max(math.ceil(max(found)), low + 1)


def bar(value: float | None, scale: tuple[float, float] | None, width: int) -> str:
    """A bar as long as the value is high between the ends of a logarithmic scale.

    A value at the lower end has a sliver and zero has nothing, so that the two can be told apart.

    >>> [bar(each, (0.01, 100.0), 4) for each in (1.0, 100.0, 0.01, 0.0, None)]
    ['██', '████', '▏', '', '']
    """
    if value is None or scale is None or not 0 < value < math.inf:
        return ""
    low, high = scale
    eighths = round(min(1.0, math.log(value / low) / math.log(high / low)) * width * 8)
    whole, rest = divmod(max(eighths, 1), 8)
    return "█" * whole + _EIGHTHS[rest]
