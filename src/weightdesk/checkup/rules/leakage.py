"""Held-out examples among the training examples."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.rule import Rule, Verdict

_SHARE = 0.05
_KNOWN = 0.6  # of the training examples must have been seen, to tell a part from a whole
_LEAST = 20  # examples


def decide(record: Record) -> Verdict:
    """Compare examples of evaluations with those of training passes, bit by bit."""
    training = [each["fingerprints"] for each in record.passes.training if each["fingerprints"]]
    evaluating = [each for each in record.passes.evaluating if each["fingerprints"]]
    if not training or not evaluating:
        return Undecided("training passes and evaluations of the watched model itself")
    seen = set().union(*training)
    if len(seen) < _LEAST:
        return Undecided(f"{_LEAST} training examples")
    shares = [
        float(np.mean([mark in seen for mark in each["fingerprints"]]))
        for each in evaluating
        if len(each["fingerprints"]) >= 4
    ]
    if not shares:
        return Undecided("evaluations of four examples")
    # who evaluates on training examples, too, has batches of both kinds
    mixed = [share for share in shares if share > _SHARE]
    if len(mixed) < 0.8 * len(shares):
        return None
    known = _known(training)
    is_held_out = record.held_out_loss is not None or record.held_out_accuracy is not None
    is_part = known > _KNOWN and len(mixed) >= 2 and float(np.median(mixed)) < 0.75 * known
    if not is_held_out and not is_part:
        return None
    share = float(np.mean(mixed))
    return Finding(
        rule="leakage",
        message=f"{share:.0%} of the examples that are evaluated were trained on",
        since=int(evaluating[0]["step"]),
        confidence=0.95,
        cause=(
            "the held-out examples were not taken out of the training examples, or examples are there twice"
        ),
        remedy="split before anything else, and drop duplicates across the split",
        where=("held-out examples",),
        evidence=(
            Evidence("share of evaluated examples that training passes had, bit for bit", share, _SHARE),
        ),
    )


def _known(training: list[list[int]]) -> float:
    """The share of training examples that were seen: from how many of the later half the earlier half had."""
    half = len(training) // 2
    if half < 2:
        return 0.0
    earlier = set().union(*training[:half])
    again = float(np.mean([mark in earlier for batch in training[half:] for mark in batch]))
    return 1 - (1 - again) ** 2


RULE = Rule(
    name="leakage",
    looks_at="fingerprints of examples in training passes and in evaluations",
    threshold=f"{_SHARE:.0%} of the evaluated examples in all evaluations, or a part of a batch",
    source="Kapoor & Narayanan 2023, Leakage and the reproducibility crisis",
    decide=decide,
)
