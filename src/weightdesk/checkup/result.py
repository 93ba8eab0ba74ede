"""What the check-up says, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from weightdesk.checkup.finding import Finding
from weightdesk.checkup.rules import RULES
from weightdesk.explain.page import Page, Section, section


@dataclass(frozen=True, repr=False)
class CheckUp(Page, Sequence[Finding]):
    """What the check-up says: its findings, the most certain first.

    Attributes:
        run: the folder or address.
        last_step: how far the training was.
        findings: what is wrong.
        undecided: what each rule needs that could not tell.
    """

    run: str
    last_step: int
    findings: tuple[Finding, ...]
    undecided: Mapping[str, str]

    @overload
    def __getitem__(self, place: int) -> Finding: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, place: int | slice) -> Finding | tuple[Finding, ...]:
        return self.findings[place]

    def __len__(self) -> int:
        return len(self.findings)

    def __repr__(self) -> str:
        return f"CheckUp({self.title})"

    @property
    def decided(self) -> int:
        """How many rules could tell."""
        return len(RULES) - len(self.undecided)

    @property
    def title(self) -> str:
        """Healthy or not, and how sure that is."""
        if self.findings:
            count = len(self.findings)
            return (
                f"{count} finding{'s' if count > 1 else ''} in {self.last_step} steps; {self.decided} of"
                f" {len(RULES)} rules could decide"
            )
        return (
            f"healthy: {self.decided} of {len(RULES)} rules looked at {self.last_step} steps and found"
            " nothing"
        )

    def sections(self) -> list[Section]:
        """The findings, their evidence, and what the other rules need."""
        found = {
            "finding": [each.message for each in self.findings],
            "rule": [each.rule for each in self.findings],
            "since step": [each.since for each in self.findings],
            "confidence": [each.confidence for each in self.findings],
            "likely cause": [each.cause for each in self.findings],
            "what to do": [each.remedy for each in self.findings],
            "because of": [each.because for each in self.findings],
        }
        rows = [(each.rule, proof) for each in self.findings for proof in each.evidence]
        evidence: dict[str, list[Any]] = {
            "rule": [rule for rule, _ in rows],
            "evidence": [proof.what for _, proof in rows],
            "value": [float(proof.value) for _, proof in rows],
            "limit": [None if proof.limit is None else float(proof.limit) for _, proof in rows],
        }
        pages = [section("findings", found), section("evidence", evidence)] if self.findings else []
        if self.undecided:
            told = {"rule": list(self.undecided), "needs": list(self.undecided.values())}
            pages.append(section("not decided", told, note="what would let these rules decide"))
        return pages or [section("findings", found)]
