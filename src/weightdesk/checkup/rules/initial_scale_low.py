"""Weights that begin far too small."""

from __future__ import annotations

from weightdesk.checkup.finding import Evidence, Finding
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.initial_scale import NO_BEGINNING, REMEDY, SOURCE, gains
from weightdesk.checkup.rules.rule import Rule, Verdict

_LEAST = 0.05
_SHARE = 0.5  # of the matrices: a last layer may begin small


def decide(record: Record) -> Verdict:
    """Compare the weights at step 0 with He's."""
    if 0 not in record.steps:
        return NO_BEGINNING
    found = gains(record)
    low = {name: gain for name, gain in found.items() if gain < _LEAST}
    if not low or len(low) < _SHARE * len(found):
        return None
    name, gain = min(low.items(), key=lambda pair: pair[1])
    return Finding(
        rule="initial_scale_low",
        message=f"{name} begins {2**0.5 / gain:.0f} times smaller than He initialisation would make it",
        since=0,
        confidence=0.93,
        cause="weights were drawn so small that signals and gradients fade from layer to layer",
        remedy=REMEDY,
        where=tuple(low),
        evidence=(Evidence("rms of the weights × √fan-in", gain, _LEAST, (0,)),),
    )


RULE = Rule(
    name="initial_scale_low",
    looks_at="the weights at step 0",
    threshold=f"rms × √fan-in below {_LEAST:g} in half of the matrices; He has √2",
    source=SOURCE,
    decide=decide,
)
