"""How fast weights move beside their size, and whether a step takes the last one back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weightdesk.checkup.record import Record
from weightdesk.checkup.series import rms


@dataclass(frozen=True)
class Pace:
    """How the weights of the matrices move, as medians over the matrices.

    Attributes:
        ratio: rms of a step's update over that of the weights.
        early: the same of the first steps, over the first weights.
        travelled: rms of the whole way over that of the first weights.
        turning: mean correlation of an update with the next one; −1: each step takes the last one back.
    """

    ratio: float
    early: float
    travelled: float
    turning: float


def pace(record: Record) -> Pace | None:
    """Measure it from the sampled weights of every step; None before five steps."""
    rows = []
    for name in record.matrices:
        samples = record.samples.get(name)
        if samples is None or len(samples.steps) < 5 or not np.isfinite(samples.weights).all():
            continue
        moves, size = samples.moves, max(rms(samples.weights[0]), 1e-30)
        if not moves.any():
            continue
        ratio = float(np.median(np.sqrt(np.mean(moves**2, 1)))) / max(rms(samples.weights), 1e-30)
        turning = float((moves[1:] * moves[:-1]).sum()) / max(float((moves**2).sum()), 1e-300)
        way = samples.weights[-1] - samples.weights[0]
        early = rms(moves[:10]) / size
        rows.append((ratio, early, rms(way) / size, turning))
    if not rows:
        return None
    return Pace(*map(float, np.median(np.array(rows), axis=0)))
