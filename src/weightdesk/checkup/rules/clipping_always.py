"""Gradients that are clipped at each step, so that clipping sets the size of all steps."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Floats, Record
from weightdesk.checkup.rules.rule import Rule, Verdict

_SHARE = 0.9
_EQUAL = 1e-3
_LEAST = 5  # steps


def decide(record: Record) -> Verdict:
    """See whether the norm of all gradients together, or their largest value, is the same at each step."""
    norms, largest = _sizes(record)
    if len(norms) < _LEAST:
        return Undecided(f"statistics of gradients at {_LEAST} steps")
    for values, what in ((norms, "norm"), (largest, "largest value")):
        limit = float(np.median(values))
        # beside the limit by rounding: clip_grad_norm_ adds 1e-6 to the norm
        at_limit = np.abs(values - limit) <= _EQUAL * limit
        share = float(max(np.mean(at_limit), np.mean(at_limit[: len(values) // 2]))) if limit else 0.0
        if share >= _SHARE:
            return Finding(
                rule="clipping_always",
                message=(
                    f"at {share:.0%} of the steps the {what} of the gradient is {limit:.3g}: clipping acts"
                    " always"
                ),
                since=0,
                confidence=0.96,
                cause="the limit of clipping is far below the usual gradient",
                remedy="raise the limit to about the gradient's usual norm, so that it catches outliers only",
                where=("gradients",),
                evidence=(
                    Evidence(f"share of steps with the same {what}", share, _SHARE),
                    Evidence("the limit", limit),
                ),
            )
    return None


def _sizes(record: Record) -> tuple[Floats, Floats]:
    """The norm of the gradient of all parameters together, and its largest value, by step."""
    squares: dict[int, float] = {}
    largest: dict[int, float] = {}
    for name in record.measured("gradient"):
        sizes, tops = record.statistic(name, "gradient", "rms"), record.statistic(name, "gradient", "abs_max")
        count = record.run.parameters[name].size
        if sizes is None or tops is None:
            continue
        for step, size, top in zip(sizes.steps.tolist(), sizes.values, tops.values, strict=True):
            squares[step] = squares.get(step, 0.0) + count * size**2
            largest[step] = max(largest.get(step, 0.0), top)
    norms = np.sqrt(np.array([squares[step] for step in sorted(squares)]))
    peaks = np.array([largest[step] for step in sorted(largest)])
    kept = np.isfinite(norms) & np.isfinite(peaks)
    return norms[kept], peaks[kept]


RULE = Rule(
    name="clipping_always",
    looks_at="the norm and the largest value of the gradients that the optimizer saw",
    threshold=f"equal to {_EQUAL:g} at {_SHARE:.0%} of the steps",
    source="exact: unclipped gradients never have the same norm twice",
    decide=decide,
)
