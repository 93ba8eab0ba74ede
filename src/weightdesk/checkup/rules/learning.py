"""How fast weights move beside their size, and whether a step takes the last one back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weightdesk.checkup.record import Record, Samples
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
    """Measure it from the sampled weights; None before five steps."""
    rows = []
    for name in record.matrices:
        samples = record.samples.get(name)
        if samples is None or len(samples.steps) < 5 or not np.isfinite(samples.weights).all():
            continue
        moves, size = samples.moves, max(rms(samples.weights[0]), 1e-30)
        if not moves.any():
            continue
        way = samples.weights[-1] - samples.weights[0]
        early = rms((moves / samples.gaps[:, None])[:10]) / size
        rows.append((_ratio(record, name, samples), early, rms(way) / size, _turning(samples)))
    if not rows:
        return None
    return Pace(*map(float, np.median(np.array(rows), axis=0)))


def _ratio(record: Record, name: str, samples: Samples) -> float:
    """Update over weight at a usual step: where steps were left out, by the statistics of all weights."""
    updates = record.statistic(name, "update", "rms")
    if (samples.gaps == 1).all() or updates is None:
        sizes = np.sqrt(np.mean((samples.moves / samples.gaps[:, None]) ** 2, 1))
    else:
        sizes = updates.values
    return float(np.median(sizes)) / max(rms(samples.weights), 1e-30)


def _turning(samples: Samples) -> float:
    """How an update goes with the next one, over the steps that follow each other without a gap."""
    together = (samples.gaps[1:] == 1) & (samples.gaps[:-1] == 1)
    moves = samples.moves[samples.gaps == 1]
    products = (samples.moves[1:] * samples.moves[:-1])[together]
    return float(products.sum()) / max(float((moves**2).sum()), 1e-300)
