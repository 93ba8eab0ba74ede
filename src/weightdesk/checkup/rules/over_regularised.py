"""Decay that shrinks the weights faster than the data can hold them."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.rule import Rule, Verdict
from weightdesk.checkup.series import cosine, rms

_LEFT = 0.4
_ALONG = 0.5


def decide(record: Record) -> Verdict:
    """Measure what is left of the weights, and whether updates point at zero."""
    rows = []
    for name in record.matrices:
        samples = record.samples.get(name)
        if samples is None or len(samples.steps) < 10 or not np.isfinite(samples.weights).all():
            continue
        size = rms(samples.weights[0])
        if not size:
            continue
        half = len(samples.steps) // 2
        along = cosine(samples.weights[0] - samples.weights[half], samples.weights[0])
        rows.append((name, rms(samples.weights[-max(1, half // 5) :]) / size, along))
    if not rows:
        return Undecided("the weights at ten steps")
    shrunk = [row for row in rows if row[1] < _LEFT and row[2] > _ALONG]
    if len(shrunk) < 0.5 * len(rows):
        return None
    left, along = (float(np.median([row[place] for row in shrunk])) for place in (1, 2))
    decays = [options.get("weight_decay", 0) for options in record.options.values()]
    return Finding(
        rule="over_regularised",
        message=f"weights shrink to {left:.0%} of what they were, straight towards zero",
        since=0,
        confidence=min(
            0.96, 0.8 + 0.15 * (1 - left / _LEFT) + (0.05 if max(decays, default=0) >= 0.1 else 0)
        ),
        cause="weight decay or a penalty on the weights that outweighs the loss",
        remedy="lower it tenfold; 1e-4 to 1e-2 is usual",
        where=tuple(row[0] for row in shrunk),
        evidence=(
            Evidence("weights at the end over the first, rms", left, _LEFT),
            Evidence("cosine between the way of the weights and the way to zero", along, _ALONG),
            Evidence("largest weight_decay of the optimizer", float(max(decays, default=0))),
        ),
    )


RULE = Rule(
    name="over_regularised",
    looks_at="sampled weights over the steps, the optimizer's weight decay",
    threshold=f"half of the matrices below {_LEFT:.0%} of their first size, by a way straight towards zero",
    source="Krogh & Hertz 1991; weights that learn grow or turn, they do not fade",
    decide=decide,
)
