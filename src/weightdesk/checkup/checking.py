"""`check`: look at a run with every rule, and say what is wrong, most certain first."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, overload

from weightdesk.checkup.finding import Finding, Undecided
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules import RULES
from weightdesk.errors import WeightdeskError
from weightdesk.explain.page import Page, Section, section
from weightdesk.runs.run import Run, open_run
from weightdesk.types import Step

EXPLAINS: Final[Mapping[str, tuple[str, ...]]] = {
    "symmetric_initialisation": (
        "dead_units",
        "vanishing_gradient",
        "underfitting",
        "labels_uninformative",
        "learning_rate_low",
        "parameter_never_moves",
    ),
    "initial_scale_high": (
        "saturated_units",
        "exploding_gradient",
        "learning_rate_high",
        "divergence",
        "overfitting",
        "dead_units",
        "vanishing_gradient",
        "labels_uninformative",
        "loss_spike",
        "underfitting",
    ),
    "initial_scale_low": (
        "vanishing_gradient",
        "underfitting",
        "learning_rate_low",
        "labels_uninformative",
        "learning_rate_high",
    ),
    "inputs_not_normalised": (
        "saturated_units",
        "exploding_gradient",
        "learning_rate_high",
        "divergence",
        "dead_units",
        "loss_spike",
        "underfitting",
        "labels_uninformative",
    ),
    "loss_output_mismatch": (
        "underfitting",
        "vanishing_gradient",
        "labels_uninformative",
        "learning_rate_low",
        "divergence",
    ),
    "labels_uninformative": (
        "overfitting",
        "underfitting",
    ),
    "missing_zero_grad": (
        "learning_rate_high",
        "divergence",
        "exploding_gradient",
        "loss_spike",
        "underfitting",
        "dead_units",
        "saturated_units",
    ),
    "over_regularised": (
        "underfitting",
        "vanishing_gradient",
        "labels_uninformative",
    ),
    "dead_units": (
        "underfitting",
        "parameter_never_moves",
        "labels_uninformative",
    ),
    "saturated_units": (
        "underfitting",
        "vanishing_gradient",
    ),
    "vanishing_gradient": (
        "underfitting",
        "labels_uninformative",
        "learning_rate_low",
    ),
    "exploding_gradient": ("loss_spike",),
    "divergence": (
        "learning_rate_high",
        "dead_units",
        "saturated_units",
        "loss_spike",
        "exploding_gradient",
    ),
    "learning_rate_high": (
        "dead_units",
        "saturated_units",
        "loss_spike",
        "underfitting",
        "labels_uninformative",
        "exploding_gradient",
        "overfitting",
    ),
    "learning_rate_low": (
        "underfitting",
        "labels_uninformative",
    ),
    "unshuffled_data": (
        "learning_rate_high",
        "loss_spike",
        "overfitting",
        "underfitting",
        "divergence",
    ),
    "wrong_mode": (
        "overfitting",
        "underfitting",
    ),
    "tiny_batch_norm": (
        "learning_rate_high",
        "underfitting",
        "overfitting",
        "loss_spike",
    ),
    "nonfinite": (
        "divergence",
        "parameter_never_moves",
        "learning_rate_high",
        "underfitting",
    ),
    "clipping_always": (
        "learning_rate_low",
        "underfitting",
    ),
    "missing_nonlinearity": (
        "underfitting",
        "overfitting",
    ),
    "class_imbalance": (
        "labels_uninformative",
        "underfitting",
    ),
    "parameter_never_moves": ("underfitting",),
    "optimizer_reset": (
        "loss_spike",
        "learning_rate_high",
    ),
}
"""What each rule's fault brings about: where both speak, the second comes after, and says so."""

_CONSEQUENCE: Final = (
    0.9  # of the confidence of its cause, at most: what another finding explains comes after it
)


def check(run: Run | str | os.PathLike[str], *, until: Step | None = None) -> CheckUp:
    """Look for what goes wrong in a training, finished or not.

    Arguments:
        run: a run, or its folder or address.
        until: look at no step after this one, as a check-up during the training did.

    Raises:
        RunNotFoundError: there is no run.
        RunFormatError: its `run.json` is damaged, or of a newer version.

    >>> import torch, weightdesk
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> with weightdesk.watch(model, optimizer, "memory://check-example") as recording:
    ...     for _ in range(5):
    ...         loss = model(torch.randn(8, 2)).square().mean()
    ...         optimizer.zero_grad()
    ...         loss.backward()
    ...         optimizer.step()
    ...         recording.log(loss=float("nan"))
    >>> [finding.rule for finding in check("memory://check-example")]
    ['nonfinite']
    """
    opened = run if isinstance(run, Run) else open_run(run)
    record = Record(opened, until)
    findings: list[Finding] = []
    undecided: dict[str, str] = {}
    for name, rule in RULES.items():
        try:
            early = rule.at_end and not record.is_done
            verdict = Undecided("the end of the training") if early else rule.decide(record)
        except WeightdeskError as error:  # a damaged or vanished part: the others may still tell
            verdict = Undecided(str(error))
        if isinstance(verdict, Finding):
            findings.append(verdict)
        elif isinstance(verdict, Undecided):
            undecided[name] = verdict.needs
    return CheckUp(opened.path, record.last_step, tuple(_sorted(findings)), undecided)


def _sorted(findings: Sequence[Finding]) -> list[Finding]:
    """Most certain first; what another finding explains comes after it."""
    sure = {each.rule: each.confidence for each in findings}
    told = []
    for each in findings:
        causes = [cause for cause in sure if each.rule in EXPLAINS.get(cause, ())]
        if causes:
            cause = max(causes, key=lambda name: sure[name])
            each = replace(each, confidence=min(each.confidence, _CONSEQUENCE * sure[cause]), because=cause)
        told.append(each)
    return sorted(told, key=lambda each: (-each.confidence, each.since, each.rule))


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
