"""The gap between held-out and training loss, step by step, with its interval and its trend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weightdesk.checkup.record import Curve, Floats, Steps
from weightdesk.checkup.series import finite, noise

_WINDOW = 0.03  # of the training on each side: the batches that the training loss of a step is taken from
_NORMAL = 1.96  # deviations of a 95 % interval


@dataclass(frozen=True)
class Gap:
    """Held-out less training loss at each evaluation.

    Attributes:
        steps: of the evaluations.
        training: the mean training loss around each of them.
        held_out: the held-out loss.
        error: half the 95 % interval of the gap.
        slope: the gap's change a step over the last half, by the median of slopes (Sen 1968).
        slope_low, slope_high: its 95 % interval; NaN below four evaluations.
    """

    steps: Steps
    training: Floats
    held_out: Floats
    error: Floats
    slope: float
    slope_low: float
    slope_high: float

    @property
    def values(self) -> Floats:
        """The gap."""
        return self.held_out - self.training


def measure_gap(training: Curve, held_out: Curve) -> Gap:
    """Measure the gap; the error is that of batches on the one side, of evaluations on the other.

    >>> steps = np.arange(100)
    >>> gap = measure_gap(Curve(steps, np.full(100, 0.5)), Curve(steps[::10], np.full(10, 0.7)))
    >>> gap.values.round(3).tolist()[:2], gap.slope
    ([0.2, 0.2], 0.0)
    """
    training, held_out = finite(training), finite(held_out)
    width = max(2.0, _WINDOW * float(held_out.steps[-1] - training.steps[0]))
    near = [training.values[np.abs(training.steps - step) <= width] for step in held_out.steps]
    means = np.array([each.mean() if each.size else np.nan for each in near])
    errors = np.array([each.std() / max(1, each.size) ** 0.5 if each.size else np.nan for each in near])
    error = _NORMAL * np.hypot(errors, noise(held_out.values))
    half = len(means) // 2
    slopes = _slope(held_out.steps[half:], (held_out.values - means)[half:])
    return Gap(held_out.steps, means, held_out.values, error, *slopes)


def _slope(steps: Steps, values: Floats) -> tuple[float, float, float]:
    from scipy.stats import theilslopes  # type: ignore[import-untyped]  # takes long to load

    kept = np.isfinite(values)
    if kept.sum() < 4:
        return float("nan"), float("nan"), float("nan")
    found = theilslopes(values[kept], steps[kept])
    return float(found.slope), float(found.low_slope), float(found.high_slope)
