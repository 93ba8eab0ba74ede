"""What a rule is: it looks at a recording and says what it finds, or what it would need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from weightdesk.checkup.finding import Finding, Undecided
from weightdesk.checkup.record import Record

Verdict: TypeAlias = Finding | Undecided | None
"""What a rule says: a finding, what it needs, or None: nothing is wrong in this respect."""


@dataclass(frozen=True)
class Rule:
    """One thing that can go wrong.

    Attributes:
        name: as findings carry it.
        looks_at: what it looks at.
        threshold: from where on it speaks.
        source: where the threshold comes from.
        decide: looks at a recording.
        at_end: whether it judges how the training ended, which nobody knows before.
    """

    name: str
    looks_at: str
    threshold: str
    source: str
    decide: Callable[[Record], Verdict]
    at_end: bool = False
