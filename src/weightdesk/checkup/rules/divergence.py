"""The loss grows instead of falling, and does not come back."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.rule import Rule, Verdict
from weightdesk.checkup.series import begin, end, enough, noise, smooth

_TIMES = 1.5


def decide(record: Record) -> Verdict:
    """Compare the loss at the end with that in the beginning."""
    loss = enough(record.loss, 4)
    if record.loss is None or loss is None:
        return Undecided("the loss at four steps: recording.log(loss=loss)")
    first, last, scatter = begin(loss), end(loss), noise(loss.values)
    # where it ended in NaN, what was right before tells
    if len(loss) < len(record.loss):
        last = max(last, float(loss.values[-1]))
    rise = last - first
    lowest = float(np.min(smooth(loss.values, 5)))
    if rise < (_TIMES - 1) * abs(first) or (rise < 4 * scatter and last < 3 * abs(first)):
        return None
    level = first + 0.2 * rise
    since = int(loss.steps[np.argmax(smooth(loss.values, 3) > level)])
    return Finding(
        rule="divergence",
        message=f"the loss grows: {first:.3g} in the beginning, {last:.3g} at the end",
        since=since,
        confidence=min(0.98, 0.75 + 0.1 * float(np.log10(max(1.0, last / max(abs(first), 1e-30))))),
        cause="steps too large for the loss, or in the wrong direction",
        remedy="lower the learning rate tenfold; check the sign of the loss; clip gradients",
        where=("loss",),
        evidence=(
            Evidence("loss at the end", last, _TIMES * first, (int(loss.steps[-1]),)),
            Evidence("lowest loss on the way", lowest),
        ),
    )


RULE = Rule(
    name="divergence",
    looks_at="the logged loss",
    threshold=f"{_TIMES} times the loss of the beginning at the end, beyond its scatter",
    source=(
        "a descent method that ascends has left the region where its step is valid (Nocedal & Wright, ch. 3)"
    ),
    decide=decide,
)
