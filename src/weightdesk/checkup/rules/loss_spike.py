"""The loss jumps up in the middle of the training and comes back."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Curve, Record
from weightdesk.checkup.rules.rule import Rule, Verdict
from weightdesk.checkup.series import begin, end, enough, noise

_BEFORE = 25  # steps that a jump is measured against
_CANDIDATES = 200  # the steepest rises
_NOISES = 12.0
_SHARE = 0.6  # of the progress made so far
_LASTING = 0.2  # of the jump left in the next steps
_ABOVE_ALL = 1.5  # times the first loss


def decide(record: Record) -> Verdict:
    """Find the largest jump above what came right before it."""
    loss = enough(record.loss, 2 * _BEFORE)
    if loss is None:
        return Undecided(f"the loss at {2 * _BEFORE} steps: recording.log(loss=loss)")
    first = begin(loss)
    rises = np.diff(loss.values)[_BEFORE - 1 : -3]
    largest = np.argsort(-rises)[:_CANDIDATES] + _BEFORE
    jump, at = max((_jump(loss, int(each), first), int(each)) for each in largest)
    before = loss.values[at - _BEFORE : at]
    came_back = end(loss) < float(np.median(before)) + 0.5 * (
        float(loss.values[at]) - float(np.median(before))
    )
    if jump < 1.0 or not came_back:
        return None
    return Finding(
        rule="loss_spike",
        message=(
            f"at step {int(loss.steps[at])} the loss jumps from {np.median(before):.3g} to"
            f" {loss.values[at]:.3g}"
        ),
        since=int(loss.steps[at]),
        confidence=min(0.95, 0.6 + 0.1 * jump),
        cause="a bad batch, or one step that was far too large",
        remedy="look at the examples of that step; clip gradients; check the learning rate's schedule there",
        where=("loss",),
        evidence=(
            Evidence(
                "loss at the jump", float(loss.values[at]), float(np.median(before)), (int(loss.steps[at]),)
            ),
            Evidence("scatter of the loss before", noise(before)),
        ),
    )


def _jump(loss: Curve, at: int, first: float) -> float:
    """How far a value is above those before it, in units of what would be a spike.

    A batch with one example that is wrong is none: what is a spike harms the network, so the loss stays up
    for a moment, or it is far above all that was.
    """
    before = loss.values[at - _BEFORE : at]
    usual = float(np.median(before))
    scatter = max(noise(before), float(np.max(before)) - usual, 1e-12)
    height = float(loss.values[at]) - usual
    after = float(np.median(loss.values[at + 1 : at + 4])) - usual
    if after < _LASTING * height and float(loss.values[at]) < _ABOVE_ALL * abs(first):
        return 0.0
    progress = max(first - usual, 0.1 * abs(first), 1e-30)
    return min(
        height / (_NOISES * noise(before) + 1e-12), height / (2.5 * scatter), height / (_SHARE * progress)
    )


RULE = Rule(
    name="loss_spike",
    looks_at="the logged loss",
    threshold=(
        f"{_NOISES:.0f} times its scatter and {_SHARE:.0%} of the progress lost at once, regained later"
    ),
    source="Takase et al. 2023, Spike No More; scatter by differences, Rice 1984",
    decide=decide,
)
