"""One class has nearly all examples."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.rule import Rule, Verdict

_SHARE = 0.85
_LEAST = 100  # labels


def decide(record: Record) -> Verdict:
    """Count the labels that the loss pulls to."""
    labels = record.passes.labels
    if len(labels) < _LEAST:
        return Undecided(
            f"the labels of {_LEAST} examples: a loss of classes on the outputs of the watched model"
        )
    share = record.passes.commonest
    if not record.passes.is_one_label_an_example or not _SHARE <= share < 1:
        return None
    return Finding(
        rule="class_imbalance",
        message=f"{share:.0%} of the examples are of class {np.bincount(labels).argmax()}",
        since=0,
        confidence=min(0.96, 0.8 + (share - _SHARE)),
        cause="the data hold hardly any examples of the other classes",
        remedy="weights in the loss, sampling by class, and a measure by class instead of accuracy",
        where=("labels",),
        evidence=(
            Evidence("share of the largest class", share, _SHARE),
            Evidence("labels that were counted", len(labels)),
        ),
    )


RULE = Rule(
    name="class_imbalance",
    looks_at="labels, as the gradient by the outputs tells them",
    threshold=f"one class with {_SHARE:.0%} of the examples",
    source="He & Garcia 2009, Learning from imbalanced data",
    decide=decide,
)
