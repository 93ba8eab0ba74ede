"""What went wrong in the training: what `weightdesk.check` says, and which rules looked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from weightdesk.checkup import RULES, CheckUp, Evidence, Finding, check
from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Message

_NONE: Final = float("nan")  # where a number stands alone; a limit is never NaN


class EvidenceRows(Message):
    """The numbers behind a finding, a row each; `limits` is NaN where a number stands alone."""

    what: tuple[str, ...]
    values: Doubles
    limits: Doubles
    steps: tuple[tuple[int, ...], ...]


class FindingFacts(Message):
    """A finding; `because` is the rule of the finding that explains it."""

    rule: str
    message: str
    since: int
    confidence: float
    cause: str
    remedy: str
    where: tuple[str, ...]
    because: str | None
    evidence: EvidenceRows


class UndecidedFacts(Message):
    """A rule that cannot tell from this recording, and what would let it."""

    rule: str
    needs: str


class RuleFacts(Message):
    """A rule: what it looks at, and from where on it speaks."""

    name: str
    looks_at: str
    threshold: str


class Checkup(Message):
    """What is wrong, most certain first; `decided` is how many of the rules could tell."""

    title: str
    healthy: bool
    last_step: int
    decided: int
    findings: tuple[FindingFacts, ...]
    undecided: tuple[UndecidedFacts, ...]
    rules: tuple[RuleFacts, ...]


class CheckupQuestion(Question[Checkup]):
    """What is wrong with this training, as far as it is?"""

    kind: ClassVar[str] = "checkup"
    settled: ClassVar[bool] = False
    long: ClassVar[bool] = True

    def answer(self, session: Session) -> Checkup:
        """Let every rule look at the run as it is now."""
        return _told(check(session.run))


def _told(found: CheckUp) -> Checkup:
    return Checkup(
        title=found.title,
        healthy=not found.findings,
        last_step=found.last_step,
        decided=found.decided,
        findings=tuple(map(_finding, found)),
        undecided=tuple(UndecidedFacts(rule=rule, needs=needs) for rule, needs in found.undecided.items()),
        rules=tuple(
            RuleFacts(name=each.name, looks_at=each.looks_at, threshold=each.threshold)
            for each in RULES.values()
        ),
    )


def _finding(each: Finding) -> FindingFacts:
    return FindingFacts(
        rule=each.rule,
        message=each.message,
        since=int(each.since),
        confidence=float(each.confidence),
        cause=each.cause,
        remedy=each.remedy,
        where=each.where,
        because=each.because,
        evidence=_evidence(each.evidence),
    )


def _evidence(rows: Sequence[Evidence]) -> EvidenceRows:
    return EvidenceRows(
        what=tuple(each.what for each in rows),
        values=[float(each.value) for each in rows],
        limits=[_NONE if each.limit is None else float(each.limit) for each in rows],
        steps=tuple(tuple(map(int, each.steps)) for each in rows),
    )
