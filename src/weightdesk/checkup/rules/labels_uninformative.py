"""Labels that say nothing about the inputs: all the same, or shuffled."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.learning import pace
from weightdesk.checkup.rules.rule import Rule, Verdict
from weightdesk.checkup.series import begin, end, enough

_LEAST = 60  # labels
_ABOVE = 0.03  # chance
_MOST = 0.9  # of the examples in one class
_PATIENCE = 50  # steps
_MOVED = 1e-4


def decide(record: Record) -> Verdict:
    """See whether there are two labels, and whether what is learned holds for examples kept apart."""
    labels = record.passes.labels
    if len(labels) >= _LEAST and record.passes.is_one_label_an_example and len(np.unique(labels)) == 1:
        return _finding(
            "all examples have the same label", 0.97, Evidence("different labels", 1, 2), "one label for all"
        )
    if len(labels) < _LEAST:
        return _by_loss(record)
    return _by_accuracy(record)


def _by_accuracy(record: Record) -> Verdict:
    held_out, moved = enough(record.held_out_accuracy, 2), pace(record)
    if held_out is None or moved is None:
        return Undecided("accuracy on examples kept apart: recording.log(val_accuracy=…)")
    chance = record.passes.commonest
    looked_at = [each["examples"] for each in record.passes.evaluating]
    error = (chance * (1 - chance) / max(looked_at, default=400)) ** 0.5  # of a share of so many examples
    limit = chance + max(_ABOVE, error)
    if chance > _MOST or record.last_step < _PATIENCE:
        return Undecided("classes of which none has nearly all examples, and fifty steps")
    best, last = float(np.max(held_out.values)), end(held_out, 0.3)
    half = held_out.values[len(held_out) // 2 :]
    # one answer for all examples is right as often as its class is there, which may be more than was seen
    is_constant = len(half) > 2 and float(np.ptp(half)) == 0 and last < limit + 2 * error
    informed = (last > limit or best > limit + 2 * max(_ABOVE, error)) and not is_constant
    if informed or moved.ratio < _MOVED:
        return None
    training = enough(record.accuracy, 2)
    fitted = training is not None and end(training) > chance + 3 * _ABOVE
    return _finding(
        f"on examples kept apart the network is right in {last:.0%}, as often as by chance ({chance:.0%})",
        0.85 if fitted else 0.7,
        Evidence("accuracy on examples kept apart", last, limit),
        "the labels do not belong to these inputs: shuffled, or joined to the wrong rows",
    )


def _by_loss(record: Record) -> Verdict:
    held_out, moved = enough(record.held_out_loss, 3), pace(record)
    if held_out is None or record.loss is None or moved is None:
        return Undecided("the loss on examples kept apart: recording.log(val_loss=…)")
    first, lowest = begin(held_out), float(np.min(held_out.values))
    gained = (first - lowest) / max(abs(first), 1e-30)
    # a constant target is learned at once, and what is right by chance gains nothing after that
    if gained > _ABOVE or moved.ratio < _MOVED or end(held_out) < first:
        return None
    return _finding(
        "the loss on examples kept apart never falls, though the weights move",
        0.6,
        Evidence("share of the held-out loss that was gained", gained, _ABOVE),
        "the targets do not belong to these inputs: shuffled, or joined to the wrong rows",
    )


def _finding(message: str, confidence: float, evidence: Evidence, cause: str) -> Finding:
    return Finding(
        rule="labels_uninformative", message=message, since=0, confidence=confidence, cause=cause,
        remedy="look at some examples beside their labels; check how the two were joined and shuffled",
        where=("labels",), evidence=(evidence,),
    )  # fmt: skip


RULE = Rule(
    name="labels_uninformative",
    looks_at="labels that the loss pulls to, accuracy or loss on examples kept apart",
    threshold=(
        f"one label only, or no more than {_ABOVE:.0%} above the most frequent class with weights that move"
    ),
    source="Zhang et al. 2017: networks fit shuffled labels, and then know nothing about other examples",
    decide=decide,
    at_end=True,
)
