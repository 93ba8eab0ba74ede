"""The innermost loops of the tabulation, compiled by Numba when first called.

Each runs over one unit with its `weights` (fan-in,); `inputs` are (examples, fan-in). They hold no
lock, so that several threads can each take a part of the examples.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


def _reach(inputs: Any, weights: Any, low: Any, high: Any) -> None:
    """Smallest and largest displacement −w x of each example, 0 included."""
    for example in range(inputs.shape[0]):
        least, most = 0.0, 0.0
        for i in range(inputs.shape[1]):
            displacement = -weights[i] * inputs[example, i]
            least, most = min(least, displacement), max(most, displacement)
        low[example], high[example] = least, most


def _read_off(
    inputs: Any,
    weights: Any,
    examples: Any,
    z: Any,
    floor: float,
    low: Any,
    high: Any,
    series: Any,
    total: Any,
) -> None:
    """Add each row's Chebyshev series at max(z − w x, floor) to each weight's total (Clenshaw's rule).

    A row belongs to the example of that number; its series is over the stretch from low to high.
    """
    fan_in, degree = inputs.shape[1], series.shape[1] - 1
    place, before, last = np.empty(fan_in), np.empty(fan_in), np.empty(fan_in)
    for row in range(len(examples)):
        x, c = inputs[examples[row]], series[row]
        centre, scale = (high[row] + low[row]) / 2, 2 / (high[row] - low[row])
        if degree == 2 or degree == 4:  # the usual ones, as a polynomial whose values stay in registers
            c3, c4 = (c[3], c[4]) if degree == 4 else (0.0, 0.0)
            p0, p1, p2, p3, p4 = c[0] - c[2] + c4, c[1] - 3 * c3, 2 * c[2] - 8 * c4, 4 * c3, 8 * c4
            for i in range(fan_in):
                t = (max(z[row] - weights[i] * x[i], floor) - centre) * scale
                change = p0 + t * (p1 + t * (p2 + t * (p3 + t * p4)))
                total[i] += change if x[i] != 0 else 0.0  # else nothing moves
            continue
        for i in range(fan_in):
            place[i] = (max(z[row] - weights[i] * x[i], floor) - centre) * scale
            before[i], last[i] = 0.0, c[degree]
        for k in range(degree - 1, 0, -1):
            coefficient = c[k]
            for i in range(fan_in):
                rising = coefficient + 2 * place[i] * last[i] - before[i]
                before[i], last[i] = last[i], rising
        for i in range(fan_in):
            if x[i] != 0:  # else nothing moves, whatever the series makes of it
                total[i] += c[0] + place[i] * last[i] - before[i]


_compiled = numba.njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "contract"}, error_model="numpy")
reach, read_off = _compiled(_reach), _compiled(_read_off)
