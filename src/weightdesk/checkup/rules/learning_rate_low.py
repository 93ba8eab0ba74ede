"""Steps so small that the training hardly begins."""

from __future__ import annotations

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.learning import pace
from weightdesk.checkup.rules.rule import Rule, Verdict
from weightdesk.checkup.series import begin, end, enough

_TRAVELLED = 0.05
_RATIO = 2e-4
_PATIENCE = 20  # steps


def decide(record: Record) -> Verdict:
    """Measure how far the weights came, and what the loss gained by it."""
    found, loss = pace(record), enough(record.loss, 10)
    if loss is None or found is None:
        return Undecided("the loss and the weights at ten steps")
    rate = record.metric("lr", "learning_rate")
    if not record.is_done and (
        record.last_step < _PATIENCE or (rate is not None and rate.values[-1] > rate.values[0])
    ):
        return Undecided("the end of the warm-up")
    first, last = begin(loss), end(loss)
    gained = (first - last) / max(abs(first), 1e-30)
    if found.ratio > _RATIO or found.travelled > _TRAVELLED or gained > 0.5:
        return None
    return Finding(
        rule="learning_rate_low",
        message=(
            f"in {record.last_step} steps the weights came {found.travelled:.1%} of their size; the loss"
            f" gained {gained:.0%}"
        ),
        since=0,
        confidence=0.9 if found.ratio < _RATIO / 5 else 0.8,
        cause="the learning rate is too low for the number of steps",
        remedy="raise the learning rate tenfold until the loss falls from the first steps on",
        where=tuple(record.matrices),
        evidence=(
            Evidence("way of the weights over their size", found.travelled, _TRAVELLED),
            Evidence("update over weight, rms, median step", found.ratio, _RATIO),
            Evidence("share of the loss that was gained", gained),
        ),
    )


RULE = Rule(
    name="learning_rate_low",
    looks_at="sampled weights over the steps, and the loss",
    threshold=(
        f"updates below {_RATIO:g} of the weights and a whole way below {_TRAVELLED:.0%}, with half of the"
        " loss left"
    ),
    source="a ratio near 0.001 is usual (Bengio 2012, Practical recommendations)",
    decide=decide,
)
