"""What is learned does not hold for other examples: the held-out loss rises while the training loss falls."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Curve, Record
from weightdesk.checkup.rules.rule import Rule, Verdict
from weightdesk.checkup.series import begin, end, enough, noise, smooth

_RISE = 0.15  # of what was gained
_GAP = 0.2  # of the first loss
_APART = 0.08  # in accuracy
_LEAST = 5


def decide(record: Record) -> Verdict:
    """Find where the held-out loss was lowest, and how far it rose while the training went on."""
    held_out, training = enough(record.held_out_loss, _LEAST), enough(record.loss, 1)
    if held_out is None:
        return Undecided(f"the loss on examples kept apart, {_LEAST} times: recording.log(val_loss=…)")
    if training is None:
        return Undecided("the training loss as a number: recording.log(loss=loss)")
    values = smooth(held_out.values, 3)
    at = int(values.argmin())
    last = float(np.median(values[-max(1, len(values) // 10) :]))
    rise = last - float(values[at])
    gained = max(begin(held_out), begin(training)) - float(values[at])
    scatter = noise(held_out.values)
    fell = _mean(training, held_out.steps[at]) - end(training)
    gap = end(held_out) - end(training)
    rises = (
        rise >= max(_RISE * max(gained, 0.3 * abs(values[at])), 3 * scatter) and fell > 0 and gap > 0.5 * rise
    )
    if not rises:
        return _by_gap(record, held_out, training)
    return Finding(
        rule="overfitting",
        message=(
            f"from step {held_out.steps[at]} on the held-out loss rises from {values[at]:.3g} to {last:.3g}"
            f" while the training loss falls to {end(training):.3g}"
        ),
        since=int(held_out.steps[at]),
        confidence=min(0.95, 0.7 + 0.1 * rise / max(gained, 1e-30)),
        cause="the network learns these examples by heart",
        remedy="stop there; more data, weight decay, dropout, or a smaller network",
        where=(held_out_name(record),),
        evidence=(
            Evidence(
                "rise of the held-out loss",
                rise,
                _RISE * gained,
                (int(held_out.steps[at]), int(held_out.steps[-1])),
            ),
            Evidence("gap between held-out and training loss", gap),
        ),
    )


def _by_gap(record: Record, held_out: Curve, training: Curve) -> Verdict:
    """A held-out loss that stays up while the training loss is nearly gone."""
    first, left, kept = begin(training), end(training), end(held_out)
    share = (kept - left) / max(abs(first), 1e-30)
    right, known = enough(record.accuracy, 1), enough(record.held_out_accuracy, 1)
    apart = None if right is None or known is None else end(right) - end(known)
    half = held_out.values[len(held_out) // 2 :]
    still_falls = begin(held_out) > kept and float(
        np.median(half[: max(1, len(half) // 2)])
    ) - kept > 0.05 * abs(first)
    if share < _GAP or left > 0.3 * kept or (apart is not None and apart < _APART) or still_falls:
        return None
    above = np.flatnonzero(
        held_out.values - np.interp(held_out.steps, training.steps, training.values) > _GAP * abs(first)
    )
    since = int(held_out.steps[above[0]]) if len(above) else 0
    return Finding(
        rule="overfitting",
        message=f"the training loss falls to {left:.3g}, the held-out loss stays at {kept:.3g}",
        since=since,
        confidence=min(0.9, 0.6 + share / 2),
        cause="the network learns these examples by heart",
        remedy="more data, weight decay, dropout, or a smaller network",
        where=(held_out_name(record),),
        evidence=(
            Evidence("gap between held-out and training loss, of the first loss", share, _GAP),
            *((Evidence("gap in accuracy", apart, _APART),) if apart is not None else ()),
        ),
    )


def held_out_name(record: Record) -> str:
    """As what the held-out loss was logged."""
    return next((name for name, curve in record.metrics.items() if curve is record.held_out_loss), "val_loss")


def _mean(curve: Curve, step: int) -> float:
    near = np.abs(curve.steps - step) <= max(2, len(curve) // 40)
    return float(np.median(curve.values[near])) if near.any() else begin(curve)


RULE = Rule(
    name="overfitting",
    looks_at="held-out and training loss",
    threshold=(
        f"a rise of {_RISE:.0%} of what was gained, beyond its scatter, while the training loss falls; or a"
        f" gap of {_GAP:.0%} of the first loss"
    ),
    source="Prechelt 1998, Early stopping - but when?",
    decide=decide,
)
