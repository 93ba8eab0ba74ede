"""Gradients of earlier steps that are still there when the next backward pass begins."""

from __future__ import annotations

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.rule import Rule, Verdict


def decide(record: Record) -> Verdict:
    """Count the steps whose backward pass began with the very gradients of the last step."""
    steps: dict[int, bool] = {}
    ends = _end(record)
    for each in record.passes.training:
        if each["stale"] is not None and each["step"] < ends:
            steps[each["step"]] = steps.get(each["step"], False) or each["stale"]
    if not steps:
        return Undecided("two backward passes from outputs of the watched model itself")
    stale = [step for step, is_stale in steps.items() if is_stale]
    if len(stale) < 0.5 * len(steps):
        return None
    return Finding(
        rule="missing_zero_grad",
        message=(
            f"gradients add up from step to step: at {len(stale)} of {len(steps)} steps the last ones were"
            " still there"
        ),
        since=min(stale),
        confidence=0.99,
        cause="optimizer.zero_grad() is missing, so that backward adds to the gradients of all steps before",
        remedy="call optimizer.zero_grad() once before each backward, or once for all that is accumulated",
        where=tuple(record.matrices),
        evidence=(
            Evidence(
                "share of steps that begin with the gradients of the last",
                len(stale) / len(steps),
                0.0,
                tuple(stale[:8]),
            ),
        ),
    )


def _end(record: Record) -> int:
    """The step from which on gradients are no numbers: none of them equals another."""
    ends = [record.last_step + 1]
    for each in record.samples.values():
        bad = each.broken.any(1)
        ends += [int(each.steps[bad][0])] if bad.any() else []
    return min(ends)


RULE = Rule(
    name="missing_zero_grad",
    looks_at=(
        "gradients at the moment when the loss is differentiated, beside those that the optimizer used last"
    ),
    threshold="equal in every sampled weight at half of the steps",
    source="torch.Tensor.backward accumulates into .grad",
    decide=decide,
)
