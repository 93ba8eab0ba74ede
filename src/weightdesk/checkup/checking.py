"""`check`: look at a run with every rule, and say what is wrong, most certain first."""

from __future__ import annotations

import os

from weightdesk.checkup.consequences import in_order
from weightdesk.checkup.finding import Finding, Undecided
from weightdesk.checkup.record import Record
from weightdesk.checkup.result import CheckUp
from weightdesk.checkup.rules import RULES
from weightdesk.errors import WeightdeskError
from weightdesk.runs.run import Run, open_run
from weightdesk.types import Step


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
    return CheckUp(opened.path, record.last_step, tuple(in_order(findings)), undecided)
