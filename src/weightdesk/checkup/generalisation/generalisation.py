"""The verdict on overfitting, with the gap, its trend, and the weights where it began."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from weightdesk.checkup.finding import Finding
from weightdesk.checkup.generalisation.gap import Gap, measure_gap
from weightdesk.checkup.generalisation.weighing import NOISE, Weighing
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules import overfitting
from weightdesk.checkup.series import end, enough
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section
from weightdesk.runs.run import Run, open_run
from weightdesk.types import Step

_SHOWN = 20  # evaluations in the table


@dataclass(frozen=True, repr=False)
class Generalisation(Page):
    """Whether what was learned holds for other examples.

    Attributes:
        gap: between held-out and training loss.
        finding: the rule's finding; None where it does not overfit.
        apart: training less held-out accuracy at the end: known by heart alone; None without accuracies.
        by_heart: the share of the training accuracy above chance that is memorised; None without labels.
        norms: the root of the sum of all squared weights of the matrices, by step.
        weighings: the network on held-out examples, by step; empty where it was not given.
        best: the step of the lowest held-out loss, where stopping would have kept the network.
    """

    gap: Gap
    finding: Finding | None
    apart: float | None
    by_heart: float | None
    norms: Mapping[Step, float]
    weighings: Mapping[Step, Weighing]
    best: Step

    @property
    def title(self) -> str:
        """The verdict in one sentence."""
        last = self.gap.values[-1]
        told = f"the gap at the end is {last:+.3g} ± {self.gap.error[-1]:.2g}"
        if self.finding is None:
            return f"no overfitting: {told}"
        return f"overfitting since step {self.finding.since}: {told}"

    def sections(self) -> list[Section]:
        """The gap over the steps, its trend, and the weights on the way."""
        return [self._trend(), self._gap(), self._weights()]

    def _trend(self) -> Section:
        gap, kept = self.gap, float(self.gap.held_out.min())
        rows = [
            (
                "change of the gap in 100 steps, last half",
                100 * gap.slope,
                100 * gap.slope_low,
                100 * gap.slope_high,
            ),
            ("held-out loss at its lowest", kept, None, None),
            ("held-out loss at the end", float(gap.held_out[-1]), None, None),
            ("gained by stopping at the lowest", float(gap.held_out[-1]) - kept, None, None),
        ]
        if self.apart is not None:
            rows.append(("training less held-out accuracy at the end", self.apart, None, None))
        if self.by_heart is not None:
            rows.append(("known by heart: of the accuracy above chance", self.by_heart, None, None))
        names = ("what", "value", "from", "to")
        told = {name: [row[place] for row in rows] for place, name in enumerate(names)}
        return section("trend", told, note=f"lowest held-out loss at step {self.best}; 95 % intervals")

    def _gap(self) -> Section:
        gap = self.gap
        chosen = np.unique(
            np.linspace(0, len(gap.steps) - 1, min(_SHOWN, len(gap.steps))).round().astype(int)
        )
        columns = {
            "step": gap.steps[chosen].tolist(),
            "training loss": gap.training[chosen].tolist(),
            "held-out loss": gap.held_out[chosen].tolist(),
            "gap": gap.values[chosen].tolist(),
            "from": (gap.values - gap.error)[chosen].tolist(),
            "to": (gap.values + gap.error)[chosen].tolist(),
        }
        return section(
            "gap", columns, bars=["gap"], note="95 % interval by the scatter of batches and evaluations"
        )

    def _weights(self) -> Section:
        steps = sorted({*self.norms, *self.weighings})
        known = [self.weighings.get(step) for step in steps]
        columns = {
            "step": steps,
            "norm of the weights": [self.norms.get(step) for step in steps],
            "sharpness": [None if each is None else each.sharpness for each in known],
            "± sharpness": [None if each is None else each.sharpness_error for each in known],
            "median margin": [None if each is None else each.margin for each in known],
            "wrong": [None if each is None else each.wrong for each in known],
        }
        note = (
            f"sharpness: rise of the held-out loss by noise of {NOISE:.0%} in each matrix; margin: logit of"
            " the right class less the next"
            if self.weighings
            else "margins and sharpness need the network: --network FILE:FUNCTION"
        )
        return section(
            "weights at the beginning, at the lowest held-out loss, at the end", columns, note=note
        )


def generalisation(
    run: Run | str | os.PathLike[str], weighed: Callable[[Step], Weighing] | None = None
) -> Generalisation:
    """Judge whether a training overfits.

    Arguments:
        run: a run that logged `loss` and `val_loss`, or its folder or address.
        weighed: weighs the network with the weights of a step; None where it is not at hand.

    Raises:
        OptionError: it did not log both as numbers, or the held-out loss less than twice.
    """
    record = Record(run if isinstance(run, Run) else open_run(run))
    training, held_out = enough(record.loss, 1), enough(record.held_out_loss, 2)
    if training is None or held_out is None:
        raise OptionError(
            "overfitting is judged by training and held-out loss, the latter at two steps at least: "
            "recording.log(loss=…, val_loss=…)"
        )
    gap = measure_gap(training, held_out)
    verdict = overfitting.decide(record)
    best = int(gap.steps[int(np.nanargmin(gap.held_out))])
    steps = _chosen(record, best)
    right, known = record.accuracy, record.held_out_accuracy
    return Generalisation(
        gap=gap,
        finding=verdict if isinstance(verdict, Finding) else None,
        apart=None if right is None or known is None else end(right) - end(known),
        by_heart=_by_heart(record),
        norms={step: _norm(record, step) for step in steps},
        weighings={step: weighed(step) for step in steps} if weighed is not None else {},
        best=best,
    )


def _by_heart(record: Record) -> float | None:
    """What memorising alone explains: accuracy that held-out examples lack, of that above chance."""
    right, known = record.accuracy, record.held_out_accuracy
    if right is None or known is None or not len(record.passes.labels):
        return None
    learned = end(right) - record.passes.commonest
    return max(0.0, end(right) - end(known)) / learned if learned > 0 else None


def _chosen(record: Record, best: Step) -> list[Step]:
    """The first and last snapshot, and the one nearest to the lowest held-out loss."""
    steps = record.steps
    if not steps:
        return []
    return sorted({steps[0], min(steps, key=lambda step: abs(step - best)), steps[-1]})


def _norm(record: Record, step: Step) -> float:
    squares = [record.run.weights(name, step).double().square().sum() for name in record.matrices]
    return float(sum(map(float, squares)) ** 0.5)
