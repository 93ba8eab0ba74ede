"""Where the loss curves of two trainings part."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import torch

from weightdesk.types import Step

_SHARE: Final = 20  # a window is this part of the curve
_FEWEST: Final = 5
_ALARM: Final = 0.01  # chance that curves of equal trainings are said to part


@dataclass(frozen=True)
class Parting:
    """How two curves compare.

    Attributes:
        unlike: first step at which the numbers are not the same; None where they always are.
        step: first step from which the means over `window` steps differ by more than noise, and go on to do
            so for a window; None where they never do.
        window: steps over which the curves are smoothed.
        noise: standard deviation of the difference from step to step, in the curve's units.
        final: difference of the means over the last window, second less first.
    """

    unlike: Step | None
    step: Step | None
    window: int
    noise: float
    final: float


def parting(first: Mapping[Step, float], second: Mapping[Step, float]) -> Parting | None:
    """Compare two curves at the steps that both have; None where these are fewer than ten.

    What counts is the difference step by step, so that the noise of batches that both trainings saw falls
    out. Its own noise is measured between neighbouring steps, where no slow course has a say; the bound is
    such that equal trainings are said to part less often than 1 time in 100.

    Arguments:
        first: values by step.
        second: likewise.

    >>> calm = {step: 1 / (1 + step) for step in range(100)}
    >>> found = parting(calm, {step: value + (step >= 50) for step, value in calm.items()})
    >>> found.unlike, 45 <= found.step <= 50
    (50, True)
    """
    steps = sorted(set(first) & set(second))
    if len(steps) < 2 * _FEWEST:
        return None
    difference = torch.tensor([second[step] - first[step] for step in steps], dtype=torch.float64)
    window = max(_FEWEST, len(steps) // _SHARE)
    means = difference.unfold(0, window, 1).mean(1)
    # Half of the squared differences of neighbours is the noise, whatever slow course the curve takes.
    noise = math.sqrt(float(difference.diff().square().median()) / (2 * _MEDIAN_OF_SQUARE))
    bound = NormalDist().inv_cdf(1 - _ALARM / 2 * window / len(steps)) * noise / math.sqrt(window)
    beyond = (means.abs() > bound) | ~means.isfinite()
    lasting = beyond.unfold(0, min(window, len(beyond)), 1).all(1)
    unlike = [step for step in steps if first[step] != second[step]]
    return Parting(
        unlike=unlike[0] if unlike else None,
        step=steps[int(lasting.int().argmax())] if bool(lasting.any()) else None,
        window=window,
        noise=noise,
        final=float(means[-1]),
    )


_MEDIAN_OF_SQUARE: Final = NormalDist().inv_cdf(0.75) ** 2
"""Median of the square of a standard normal number: of squares the median is not moved by a few jumps."""
