"""Sigmoid or tanh units near their bounds, where they have no slope."""

from __future__ import annotations

import math

import numpy as np

from weightdesk.checkup.finding import NO_PASS, Evidence, Finding
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.initial_scale import gains
from weightdesk.checkup.rules.rule import Rule, Verdict

_SHARE = 0.5
_BOUND = 4.6  # from there on a sigmoid is within 1 % of its bound


def decide(record: Record) -> Verdict:
    """Measure the share of results within 1 % of a bound, gates of recurrent layers and outputs apart."""
    graphs = record.passes.graphs
    if (gates := _gates(record)) is not None:
        return gates
    if not graphs:
        return NO_PASS
    layers: dict[str, list[tuple[int, float, str]]] = {}
    for step, told in graphs:
        for each in told:
            if (
                "saturated" in each
                and not each["last"]
                and each["after"] is not None
                and record.owner(each["after"]) not in ("LSTM", "GRU")
            ):
                layers.setdefault(each["after"], []).append((step, each["saturated"], each["function"]))
    worst = {name: seen for name, seen in layers.items() if min(share for _, share, _ in seen[-2:]) >= _SHARE}
    if not worst:
        return None
    name, seen = max(worst.items(), key=lambda pair: pair[1][-1][1])
    share, function = seen[-1][1:]
    return Finding(
        rule="saturated_units",
        message=f"{share:.0%} of the results of {function} behind {name} lie at its bounds",
        since=next(step for step, each, _ in seen if each >= _SHARE),
        confidence=min(0.97, 0.6 + 0.4 * share),
        cause=f"sums far from zero: large weights or large inputs before {function}",
        remedy="Xavier initialisation, normalised inputs, a lower learning rate, or ReLU",
        where=tuple(worst),
        evidence=(
            Evidence(
                "share of results within 1 % of a bound", share, _SHARE, tuple(step for step, _, _ in seen)
            ),
        ),
    )


def _gates(record: Record) -> Finding | None:
    """The gates of a recurrent layer, which its kernel hides: estimated from weights and inputs."""
    if 0 not in record.steps:
        return None
    sizes = [
        np.hypot(each["input_std"], each["input_mean"])
        for each in record.passes.training
        if each["input_float"]
    ]
    for place, (name, gain) in enumerate(gains(record).items()):
        if record.owner(name) not in ("LSTM", "GRU"):
            continue
        spread = gain * float(np.median(sizes)) if place == 0 and sizes else gain
        share = math.erfc(_BOUND / max(spread, 1e-12) / math.sqrt(2))
        if share >= _SHARE:
            return Finding(
                rule="saturated_units",
                message=(
                    f"about {share:.0%} of the gates behind {name} lie at their bounds, as its weights and"
                    " inputs are so large"
                ),
                since=0,
                confidence=0.85,
                cause="sums far from zero: large weights or large inputs before the gates",
                remedy="Xavier initialisation, normalised inputs",
                where=(name,),
                evidence=(
                    Evidence(
                        "share of gates within 1 % of a bound, estimated by a normal distribution",
                        share,
                        _SHARE,
                        (0,),
                    ),
                ),
            )
    return None


RULE = Rule(
    name="saturated_units",
    looks_at="results of sigmoid and tanh inside the network, as modules or functions",
    threshold=f"{_SHARE:.0%} within 1 % of a bound",
    source="Glorot & Bengio 2010: activations of a sound start are far from the bounds",
    decide=decide,
)
