"""Learning curves of settings, each a band over its seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from weightdesk.explain.page import Section, section
from weightdesk.training.compare.intervals import Interval, interval
from weightdesk.training.compare.results import Result
from weightdesk.types import Step

_TRAINED: Final = 25  # steps shown of a metric of training batches, which is logged at every step


def band(members: Sequence[Result], metric: str) -> dict[Step, Interval]:
    """A metric of a setting at each step where every seed logged it.

    Arguments:
        members: of one setting; of a training that stopped early later steps are not shown.
        metric: such as `val_loss`.

    """
    curves = [each.curves.get(metric, {}) for each in members]
    steps = sorted(set.intersection(*(set(each) for each in curves))) if curves else []
    found = {step: interval([each[step] for each in curves]) for step in steps}
    if not metric.endswith("accuracy"):
        return found
    # no share lies outside of 0 and 1, whatever Student's t says; NaN, of a single seed, stays
    return {
        step: replace(each, low=_inside(each.low), high=_inside(each.high)) for step, each in found.items()
    }


def _inside(share: float) -> float:
    return share if math.isnan(share) else min(1.0, max(0.0, share))


def curve_sections(results: Mapping[str, Sequence[Result]]) -> Iterator[Section]:
    """The score and the loss on validation data, or on the training batches where there are none."""
    members = next(each for each in results.values() if each)
    held = "val_loss" in members[0].curves
    for metric in (members[0].score, "loss"):
        yield _section(results, f"val_{metric}" if held else metric, held)


def _section(results: Mapping[str, Sequence[Result]], metric: str, held: bool) -> Section:
    rows = []
    for setting, members in results.items():
        found = band(members, metric)
        steps = list(reversed([*reversed(found)][:: max(1, len(found) // _TRAINED)]))
        rows += [(setting, step, found[step]) for step in steps]
    columns = {
        "setting": [setting for setting, _, _ in rows],
        "step": [step for _, step, _ in rows],
        "mean": [each.mean for *_, each in rows],
        "low": [each.low for *_, each in rows],
        "high": [each.high for *_, each in rows],
    }
    place = "validation data" if held else "the training batch"
    note = f"on {place}; low to high is the 95 % interval over seeds"
    return section(f"{metric} through the training", columns, note=note)
