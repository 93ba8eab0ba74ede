"""Weights that begin far too large."""

from __future__ import annotations

from weightdesk.checkup.finding import Evidence, Finding
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.initial_scale import NO_BEGINNING, REMEDY, SOURCE, gains
from weightdesk.checkup.rules.rule import Rule, Verdict

_MOST = 4.0


def decide(record: Record) -> Verdict:
    """Compare the weights at step 0 with He's."""
    if 0 not in record.steps:
        return NO_BEGINNING
    found = gains(record)
    high = {name: gain for name, gain in found.items() if gain > _MOST}
    if not high:
        return None
    name, gain = max(high.items(), key=lambda pair: pair[1])
    return Finding(
        rule="initial_scale_high",
        message=f"{name} begins {gain / 2**0.5:.1f} times as large as He initialisation would make it",
        since=0,
        confidence=min(0.97, 0.75 + 0.03 * gain),
        cause="weights were drawn without regard to how many inputs they add up, such as normal(0, 1)",
        remedy=REMEDY,
        where=tuple(high),
        evidence=(Evidence("rms of the weights × √fan-in", gain, _MOST, (0,)),),
    )


RULE = Rule(
    name="initial_scale_high",
    looks_at="the weights at step 0",
    threshold=f"rms × √fan-in above {_MOST:g}; He has √2",
    source=SOURCE,
    decide=decide,
)
