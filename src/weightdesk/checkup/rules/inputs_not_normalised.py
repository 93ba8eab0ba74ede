"""Inputs far from zero mean and unit deviation, or of very different scales."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.finding import NO_PASS, Evidence, Finding
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.rule import Rule, Verdict

_MOST = 5.0
_SPREAD = 300.0


def decide(record: Record) -> Verdict:
    """Measure the inputs of the training passes."""
    passes = [
        each for each in record.passes.training if each["input_float"] and each["input_std"] is not None
    ]
    if not passes:
        if record.passes.training:
            return None  # tokens
        return NO_PASS
    scale, mean, spread = (
        float(np.median([abs(each[name]) for each in passes]))
        for name in ("input_std", "input_mean", "input_spread")
    )
    size = float(np.hypot(scale, mean))
    if size < _MOST and spread < _SPREAD:
        return None
    return Finding(
        rule="inputs_not_normalised",
        message=(
            f"inputs have a mean of {mean:.3g} and a deviation of {scale:.3g}"
            if size >= _MOST
            else f"some inputs vary {spread:.0f} times as much as others"
        ),
        since=0,
        confidence=min(0.95, 0.75 + 0.1 * float(np.log10(max(size / _MOST, spread / _SPREAD)))),
        cause="raw data, such as pixels from 0 to 255 or columns in their own units",
        remedy=(
            "subtract each feature's mean and divide by its deviation, both measured on the training examples"
        ),
        where=("inputs",),
        evidence=(
            Evidence("rms of the inputs", size, _MOST),
            Evidence("largest over smallest deviation of a feature", spread, _SPREAD),
        ),
    )


RULE = Rule(
    name="inputs_not_normalised",
    looks_at="numbers of the inputs in training passes",
    threshold=f"rms above {_MOST:g}, or deviations that differ {_SPREAD:g} times",
    source="LeCun et al. 1998, Efficient BackProp, section 4.3",
    decide=decide,
)
