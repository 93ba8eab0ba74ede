"""A training that is not done, or a network that cannot do it."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.rule import Rule, Verdict
from weightdesk.checkup.series import begin, end, enough, noise

_LEFT = 0.4  # of the loss
_LEFT_AT_PLACES = 0.75  # where each place has a label, as in language, much cannot be known
_GREW = 1.5
_MUCH = 0.2  # of the loss: below that a training is as good as done
_UNKNOWN = 0.65  # where no accuracy tells whether what is left could be known at all
_FALLING = 0.15  # of the loss that is left, lost in the last fifth


def decide(record: Record) -> Verdict:
    """Measure how much of the loss is left, and whether it still falls."""
    loss = enough(record.loss, 20)
    if loss is None:
        return Undecided("the loss at twenty steps: recording.log(loss=loss)")
    first, last = begin(loss), end(loss)
    before = float(np.median(loss.values[round(0.7 * len(loss)) : round(0.85 * len(loss))]))
    falling = (before - last) / max(abs(before), 1e-30)
    left = last / max(abs(first), 1e-30)
    accuracy, known = enough(record.accuracy, 1), enough(record.held_out_accuracy, 1)
    right = None if accuracy is None else end(accuracy)
    is_early = falling > _FALLING and before - last > noise(loss.values[-len(loss) // 3 :]) and left > _MUCH
    if left > _GREW:
        return None  # it grows: a matter of other rules
    limit = _limit(record)
    is_weak = left > limit and (right is None or right < 0.9)
    is_good = right is not None and right > 0.97 and (known is None or end(known) > 0.9)
    if not (is_early or is_weak) or is_good:
        return None
    return Finding(
        rule="underfitting",
        message=(
            f"the loss still falls at the end: {falling:.0%} in the last fifth"
            if is_early and not is_weak
            else f"{left:.0%} of the loss is left at the end"
        ),
        since=int(loss.steps[-1]) if is_early and not is_weak else 0,
        confidence=0.6 if is_weak else 0.55,
        cause="the training was stopped too early"
        if is_early
        else "the network is too small for the task, or learns too slowly",
        remedy="train longer"
        if is_early
        else "a larger network, less regularisation, or a higher learning rate",
        where=("loss",),
        evidence=(
            Evidence("share of the first loss that is left", left, limit),
            Evidence("share of it lost near the end", falling, _FALLING),
        ),
    )


def _limit(record: Record) -> float:
    """How much of the loss may be left: where much cannot be known, much is."""
    if not len(record.passes.labels):
        return _LEFT if record.accuracy is not None else _UNKNOWN
    return _LEFT if record.passes.is_one_label_an_example else _LEFT_AT_PLACES


RULE = Rule(
    name="underfitting",
    looks_at="training loss and accuracy",
    threshold=f"{_LEFT:.0%} of the loss left, or {_FALLING:.0%} of it lost in the last fifth",
    source="Goodfellow et al. 2016, section 5.2",
    decide=decide,
    at_end=True,
)
