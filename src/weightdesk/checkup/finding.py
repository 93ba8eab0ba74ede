"""A finding: what went wrong, where, since when, how sure that is, and what to do."""

from __future__ import annotations

from dataclasses import dataclass, field

from weightdesk.types import Step


@dataclass(frozen=True)
class Evidence:
    """A number that speaks for a finding, beside the one that it is measured against.

    Attributes:
        what: which number, in a few words.
        value: what it is.
        limit: what it would be in a healthy training at most, or at least; None where it stands alone.
        steps: at which steps it was seen.
    """

    what: str
    value: float
    limit: float | None = None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One thing that the check-up says.

    Attributes:
        rule: the name of the rule that says it.
        where: parameters, modules or metrics that it is about.
        since: the first step at which it shows.
        confidence: how sure it is, from 0 to 1, as far as the rule can tell.
        evidence: the numbers behind it.
        cause: what most likely causes it.
        remedy: what to do.
        message: all of it in a line.
        because: the rule of another finding that explains this one; None where it stands for itself.
    """

    rule: str
    message: str
    since: Step
    confidence: float
    cause: str
    remedy: str
    where: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = field(default=())
    because: str | None = None


@dataclass(frozen=True)
class Undecided:
    """What a rule cannot tell from this recording, and what would let it.

    Attributes:
        needs: what is missing, in a few words.
    """

    needs: str


NO_PASS = Undecided("a forward pass with gradients of the watched model itself")
"""What all rules say that look at passes of the training, where none was seen."""
