"""Steps so large that the loss cannot settle."""

from __future__ import annotations

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Curve, Record
from weightdesk.checkup.rules.learning import pace
from weightdesk.checkup.rules.rule import Rule, Verdict
from weightdesk.checkup.series import begin, end, enough, noise, smooth

_RATIO = 0.02
_TURNING = -0.25
_OVERSHOOT = 1.5  # times the first loss
_PATIENCE = 60  # steps
_EARLY = 0.3
_TRAVELLED = 6.0  # times the first weights


def decide(record: Record) -> Verdict:
    """Look for large updates with a loss that does not get down, and for steps that take each other back."""
    found, loss = pace(record), enough(record.loss, 10)
    if loss is None or found is None:
        return Undecided("the loss and the weights at ten steps")
    first, last = begin(loss), end(loss)
    smoothed = smooth(loss.values, max(3, len(loss) // 20))
    lowest = float(smoothed.min())
    stuck = (last - lowest) / max(
        first - lowest, 1e-3 * abs(first), 1e-30
    )  # 0: as low as it ever was; 1: where it began
    gained = (first - last) / max(abs(first), 1e-30)
    restless = noise(loss.values[len(loss) // 2 :]) / max(abs(last), 1e-30)
    signs = [
        found.ratio > 5 * _RATIO
        or (
            found.early > _EARLY
            and found.travelled > _TRAVELLED
            and (gained < 0.9 or restless > 0.3 or _overshoots(loss))
        ),
        # a loss needs some steps before it can be called stuck
        found.ratio > (_RATIO if record.last_step >= _PATIENCE else 3 * _RATIO)
        and (gained < 0.3 or stuck > 0.3),
        found.turning < _TURNING and found.ratio > 1e-3 and (gained < 0.5 or restless > 0.3),
    ]
    if not any(signs):
        return None
    return Finding(
        rule="learning_rate_high",
        message=(
            f"a step changes the weights by {max(found.ratio, found.early):.2g} of their size, and the loss"
            f" goes from {first:.3g} to {last:.3g}"
        ),
        since=0,
        confidence=min(0.95, 0.6 + 0.1 * sum(signs) + 0.5 * min(0.5, max(found.ratio, found.early))),
        cause="the learning rate is too high: steps jump across the valley",
        remedy="lower the learning rate three to ten times, or warm it up",
        where=tuple(record.matrices),
        evidence=(
            Evidence("update over weight, rms, median step", found.ratio, _RATIO),
            Evidence("the same, of the first ten steps", found.early, _EARLY),
            Evidence("correlation of each update with the next", found.turning, _TURNING),
            Evidence("share of the loss that was gained", gained),
        ),
    )


def _overshoots(loss: Curve) -> bool:
    """Whether the loss soon stands well above where it began: the first steps went too far."""
    early = loss.values[2 : max(10, len(loss) // 3)]
    return bool(early.size) and float(early.max()) > _OVERSHOOT * float(loss.values[:2].max())


RULE = Rule(
    name="learning_rate_high",
    looks_at="sampled weights over the steps, and the loss",
    threshold=(
        f"updates above {_RATIO:.0%} of the weights with a loss that stays up, or above {5 * _RATIO:.0%}, or"
        f" {_EARLY:.0%} in the first steps; updates that take each other back"
    ),
    source=(
        "a ratio near 0.001 is usual (Bengio 2012, Practical recommendations); LeCun et al. 1998 on steps"
        " beyond 2 / curvature"
    ),
    decide=decide,
)
