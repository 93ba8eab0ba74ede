"""Units of a layer that began alike, so that they can only learn alike."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Floats, Record
from weightdesk.checkup.rules.rule import Rule, Verdict

_ALIKE = 1e-6  # of the largest weight


def decide(record: Record) -> Verdict:
    """Compare the units of each layer at step 0, and again later: zeros may come apart."""
    if not record.steps:
        return Undecided("a snapshot of the weights")
    first, *later = record.steps
    if first != 0:
        return Undecided("the weights at step 0")
    layers = [
        name for name, each in record.matrices.items() if each.shape[0] > 1 and each.size > each.shape[0]
    ]
    alike = [name for name in layers if _alike(_rows(record, name, 0))]
    last = layers[-1] if layers else ""
    # a last layer of zeros comes apart at the first step, and residual branches begin so on purpose
    kept = [
        name
        for name in alike
        if not later
        or _alike(_rows(record, name, later[-1]))
        or (name != last and np.any(_rows(record, name, 0)))
    ]
    hidden = [name for name in kept if name != last] or (
        kept if len(layers) == 1 and later and np.any(_rows(record, last, later[-1])) else []
    )
    if not hidden:
        return None
    return Finding(
        rule="symmetric_initialisation",
        message=f"all units of {', '.join(hidden[:3])} begin with the same weights, so they stay one unit",
        since=0,
        confidence=0.99 if later else 0.9,
        cause="weights began at zero or at one constant",
        remedy="draw them at random: He for ReLU, Xavier for tanh and sigmoid; only biases may begin at zero",
        where=tuple(hidden),
        evidence=(Evidence("largest difference between two units at step 0", 0.0, None, (0,)),),
    )


def _rows(record: Record, name: str, step: int) -> Floats:
    weights = record.run.weights(name, step).double()
    return np.asarray(weights.flatten(1).numpy())


def _alike(rows: Floats) -> bool:
    largest = float(np.abs(rows).max(initial=0.0))
    return bool(np.isfinite(largest)) and float(np.ptp(rows, axis=0).max(initial=0.0)) <= _ALIKE * largest


RULE = Rule(
    name="symmetric_initialisation",
    looks_at="the weights at step 0, and those of the last snapshot",
    threshold=f"units that differ by no more than {_ALIKE:g} of the largest weight",
    source="Goodfellow, Bengio & Courville 2016, section 8.4: initialisation must break symmetry",
    decide=decide,
)
