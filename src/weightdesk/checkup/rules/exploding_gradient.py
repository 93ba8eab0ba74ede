"""Gradients that grow on the way back to the first layers, or from step to step."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Floats, Record, Samples
from weightdesk.checkup.rules.depth import EARLY, fading, gradient_sizes
from weightdesk.checkup.rules.rule import Rule, Verdict
from weightdesk.types import Step

_TIMES = 100.0
_BURST = 100.0
_BEFORE = 20  # steps


def decide(record: Record) -> Verdict:
    """Compare gradients by depth, and the largest with the usual one over the steps."""
    sizes = gradient_sizes(record, EARLY)
    norms = _norms(record)
    if not sizes or len(norms) < 5:
        return Undecided("gradients at five steps")
    values = list(sizes.values())
    third = max(1, len(values) // 3)
    late = sorted(values[-third:])[third // 2]
    by_depth = max(values[:third]) / late if late and len(values) > 2 else 0.0
    by_depth = max(by_depth, 1 / max(fading(record) or 1.0, 1e-30))
    bursts = _bursts(norms)
    burst = float(bursts.max())
    if by_depth < _TIMES and burst < _BURST:
        return None
    since = 0 if by_depth >= _TIMES else _steps(record)[int(np.argmax(bursts >= _BURST))]
    return Finding(
        rule="exploding_gradient",
        message=(
            f"gradients are {by_depth:.0f} times larger in the first layers than in the last"
            if by_depth >= _TIMES
            else f"the gradient bursts to {burst:.0f} times its usual size"
        ),
        since=since,
        confidence=min(0.95, 0.65 + 0.1 * float(np.log10(max(by_depth / _TIMES, burst / _BURST, 1.0)))),
        cause="each layer or time step multiplies the gradient with weights above one",
        remedy="clip gradients by their norm, smaller initial weights, normalisation, or gated recurrence",
        where=tuple(list(sizes)[:third]),
        evidence=(
            Evidence("gradient of the first layers over that of the last", by_depth, _TIMES, (0,)),
            Evidence("largest gradient over those right before", burst, _BURST, (since,)),
        ),
    )


def _bursts(norms: Floats) -> Floats:
    """Each step's size over the usual one of the steps before it."""
    known = np.concatenate([np.full(_BEFORE, np.nan), norms[:-1]])
    windows = np.lib.stride_tricks.sliding_window_view(known, _BEFORE)
    before = np.full(len(norms), np.inf)
    before[3:] = np.nanmedian(windows[3 : len(norms)], axis=1)
    # what is small beside the beginning is no burst: a trained network is startled by a single example
    before = np.maximum(before, 0.03 * np.median(norms[: max(3, len(norms) // 10)]))
    ratios: Floats = np.divide(norms, before, out=np.zeros_like(norms), where=before > 0)
    return ratios


def _norms(record: Record) -> Floats:
    """Size of the sampled gradients at each step."""
    parts = [np.nan_to_num(each.gradients, posinf=0.0, neginf=0.0) for each in record.samples.values()]
    lengths = {len(each) for each in parts}
    if len(lengths) != 1:
        return np.zeros(0)
    return np.asarray(np.sqrt(sum(np.square(each).sum(1) for each in parts)))


def _steps(record: Record) -> list[Step]:
    """The steps of the rows of `_norms`."""
    samples: Samples = next(iter(record.samples.values()))
    return [int(step) for step in samples.steps]


RULE = Rule(
    name="exploding_gradient",
    looks_at="rms of each matrix's gradient by depth, and sampled gradients over the steps",
    threshold=(
        f"{_TIMES:.0f} times larger in the first layers, or {_BURST:.0f} times those before it at a step"
    ),
    source="Pascanu, Mikolov & Bengio 2013",
    decide=decide,
)
