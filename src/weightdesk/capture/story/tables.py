"""Rows of scores as the columns of a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from weightdesk.capture.story.resampling import Estimate


def told(value: float) -> float | None:
    """A number for a table: None where it is not a number.

    >>> told(float("nan")), told(0.5)
    (None, 0.5)
    """
    return None if math.isnan(value) else value


def columns(names: Sequence[str], rows: Sequence[Sequence[object]]) -> dict[str, list[object]]:
    """The columns of a table by name.

    >>> columns(("layer", "score"), [("a", 1), ("b", 2)])
    {'layer': ['a', 'b'], 'score': [1, 2]}
    """
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def bounded(estimates: Mapping[str, Sequence[Estimate | None]]) -> dict[str, list[float | None]]:
    """Three columns for each of estimates: the values, and where their intervals begin and end.

    >>> bounded({"accuracy": [Estimate(0.5, 0.4, 0.6), None]})
    {'accuracy': [0.5, None], 'accuracy from': [0.4, None], 'accuracy to': [0.6, None]}
    """
    return {
        f"{name}{end}": [None if each is None else told(getattr(each, value)) for each in found]
        for name, found in estimates.items()
        for end, value in (("", "value"), (" from", "low"), (" to", "high"))
    }
