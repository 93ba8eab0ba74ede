"""NaN or infinity: the first module, parameter and step, and what preceded it."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.rule import Rule, Verdict


def decide(record: Record) -> Verdict:
    """Find the first number that is none."""
    if not record.metrics and not record.samples:
        return Undecided("a logged loss or one recorded step")
    seen = sorted([*_in_metrics(record), *_in_samples(record), *_in_statistics(record), *_in_inputs(record)])
    if not seen:
        return None
    step = seen[0][0]
    first = [*dict.fromkeys(name for at, _, name in seen if at == step)]
    cause, remedy = _cause(record, step, {kind for at, kind, _ in seen if at == step})
    return Finding(
        rule="nonfinite",
        message=f"from step {step} on there is NaN or infinity, first in {', '.join(first[:3])}",
        since=step,
        confidence=1.0,
        cause=cause,
        remedy=remedy,
        where=tuple(first),
        evidence=(
            Evidence("numbers that are NaN or infinite, at the first step", len(first), 0, (step,)),
            *_before(record, step),
        ),
    )


_ORDER = {"input": 0, "activation": 1, "metric": 2, "gradient": 3, "weight": 4}


def _in_inputs(record: Record) -> list[tuple[int, int, str]]:
    rows = [*record.passes.training, *record.passes.evaluating]
    return [(each["step"], 0, "the inputs") for each in rows if each["input_nonfinite"]]


def _in_metrics(record: Record) -> list[tuple[int, int, str]]:
    found = []
    for name, curve in record.metrics.items():
        bad = ~np.isfinite(curve.values)
        # a step logs its loss before or after the optimizer moved: what is logged at s is about s − 1 or s
        found += [(int(curve.steps[bad][0]), _ORDER["metric"], name)] if bad.any() else []
    return found


def _in_samples(record: Record) -> list[tuple[int, int, str]]:
    found = []
    for name, each in record.samples.items():
        for kind, bad in (
            ("gradient", each.broken),
            ("weight", ~np.isfinite(each.weights)),
        ):
            rows = bad.any(1)
            found += [(int(each.steps[rows][0]), _ORDER[kind], name)] if rows.any() else []
    return found


def _in_statistics(record: Record) -> list[tuple[int, int, str]]:
    found = []
    for kind in ("activation", "gradient", "weight"):
        for name in record.measured(kind):
            curve = record.statistic(name, kind, "nonfinite")
            if curve is not None and (curve.values > 0).any():
                found.append((int(curve.steps[curve.values > 0][0]), _ORDER[kind], name))
    return found


def _cause(record: Record, step: int, kinds: set[int]) -> tuple[str, str]:
    if _ORDER["input"] in kinds:
        return "the inputs hold NaN or infinity", "clean the data before they reach the network"
    if _grew(record, step) > 100:
        return (
            "weights or gradients had exploded before",
            "a lower learning rate, clipping of gradients, or normalisation",
        )
    if _ORDER["gradient"] in kinds and _ORDER["activation"] not in kinds and _ORDER["weight"] not in kinds:
        return (
            (
                "an operation whose slope is not finite where it was asked, such as sqrt or log at 0, or a"
                " division by 0"
            ),
            (
                "add a small number inside log, sqrt and denominators, or use the stable form: log_softmax,"
                " BCEWithLogitsLoss"
            ),
        )
    return (
        "an operation outside the numbers that it is defined for, such as log of 0, or an overflow in exp",
        (
            "use the stable form (log_softmax, logsumexp), and add a small number inside log, sqrt and"
            " denominators"
        ),
    )


def _grew(record: Record, step: int) -> float:
    """How many times larger the gradients were right before than in the beginning."""
    ratios = [1.0]
    for each in record.samples.values():
        sizes = np.abs(each.gradients[each.steps < step]).max(1, initial=0.0)
        sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
        if len(sizes) >= 3:
            ratios.append(float(sizes[-1] / np.median(sizes[: max(3, len(sizes) // 4)])))
    return max(ratios)


def _before(record: Record, step: int) -> tuple[Evidence, ...]:
    loss = record.loss
    grown = Evidence(
        "growth of the largest gradient until right before", _grew(record, step), 100.0, (max(0, step - 1),)
    )
    if loss is None or not (before := loss.values[(loss.steps < step) & np.isfinite(loss.values)]).size:
        return (grown,)
    return grown, Evidence("the last loss before", float(before[-1]), None, (max(0, step - 1),))


RULE = Rule(
    name="nonfinite",
    looks_at="logged scalars, sampled weights and gradients, statistics of activations, inputs",
    threshold="one NaN or infinity",
    source="IEEE 754: no number comes after NaN",
    decide=decide,
)
