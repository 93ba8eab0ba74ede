"""Numbers about curves that neither their unit nor a few wild values change."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.record import Curve, Floats

_DEVIATION = 1.4826  # of a normal distribution, in median absolute deviations


def finite(curve: Curve) -> Curve:
    """The points that are numbers."""
    there = np.isfinite(curve.values)
    return Curve(curve.steps[there], curve.values[there])


def enough(curve: Curve | None, least: int) -> Curve | None:
    """The points that are numbers, where there are so many at least."""
    known = None if curve is None else finite(curve)
    return known if known is not None and len(known) >= least else None


def begin(curve: Curve, share: float = 0.03) -> float:
    """The median of the first values."""
    return float(np.median(curve.values[: max(1, min(5, len(curve)), round(share * len(curve)))]))


def end(curve: Curve, share: float = 0.1) -> float:
    """The median of the last values."""
    return float(np.median(curve.values[-max(1, min(3, len(curve)), round(share * len(curve))) :]))


def noise(values: Floats) -> float:
    """How far values scatter around their trend: from differences of neighbours, robustly.

    >>> noise(np.array([0.0, 1.0, 2.0, 3.0]))
    0.0
    """
    if len(values) < 3:
        return 0.0
    differences = np.diff(values)
    return float(_DEVIATION * np.median(np.abs(differences - np.median(differences))) / np.sqrt(2))


def smooth(values: Floats, width: int) -> Floats:
    """Running medians over some neighbours; at the ends the last value stands for those that are missing.

    >>> smooth(np.array([0.0, 9.0, 0.0, 0.0]), 3).tolist()
    [0.0, 0.0, 0.0, 0.0]
    """
    from scipy.ndimage import median_filter  # type: ignore[import-untyped]  # takes long to load

    return np.asarray(median_filter(values, size=max(1, width | 1), mode="nearest"), np.float64)


def rms(values: Floats) -> float:
    """Root mean square; NaN of nothing."""
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else float("nan")


def cosine(left: Floats, right: Floats) -> float:
    """Cosine of the angle between two vectors; 0 where one has no length."""
    lengths = float(np.linalg.norm(left) * np.linalg.norm(right))
    return float(np.dot(left.ravel(), right.ravel())) / lengths if lengths else 0.0
