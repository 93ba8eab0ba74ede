"""How large gradients are by depth; the rules of vanishing and exploding gradients share it."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.record import Record
from weightdesk.types import ParameterName

EARLY = 0.1  # of the steps: what acts from the start shows there
_LEAST = 20  # steps


def gradient_sizes(record: Record, share: float = 1.0) -> dict[ParameterName, float]:
    """The median size of each matrix's gradient over the first share of the steps, in the model's order.

    Statistics of all its weights where there are some, sampled weights otherwise.
    """
    until = max(_LEAST, round(share * record.last_step))
    found = {}
    for name in record.matrices:
        curve = record.statistic(name, "gradient", "rms")
        if curve is not None and (kept := curve.values[curve.steps < until]).size >= 2:
            sizes = kept
        elif name in record.samples:
            samples = record.samples[name]
            gradients = samples.gradients[samples.steps < until]
            known = gradients[~np.isnan(gradients).all(1)]
            sizes = np.sqrt(np.nanmean(np.square(known), axis=1)) if known.size else np.zeros(0)
        else:
            continue
        sizes = sizes[np.isfinite(sizes)]
        if sizes.size:
            found[name] = float(np.median(sizes))
    return found


def fading(record: Record) -> float | None:
    """How many times smaller the gradient is at the activations farthest from the loss than at the nearest.

    The median over the first passes whose graph was read; below 1 where it grows. A recurrence has as many
    activations as time steps. None where nothing was read.
    """
    until = max(_LEAST, round(EARLY * record.last_step))
    ratios = []
    for step, told in record.passes.graphs:
        pulls = [each["pull"] for each in told if each.get("pull") and not each["last"]]
        if len(pulls) >= 3 and step < until:
            ratios.append(pulls[0] / pulls[-1])
    return float(np.median(ratios)) if ratios else None
