"""An optimizer that forgets in mid-training what it had gathered."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Floats, Record, Samples
from weightdesk.checkup.rules.rule import Rule, Verdict
from weightdesk.checkup.series import cosine
from weightdesk.types import Step

_STATEFUL = frozenset(
    {"Adam", "AdamW", "Adamax", "NAdam", "RAdam", "SparseAdam", "RMSprop", "Rprop", "Adadelta"}
)


def decide(record: Record) -> Verdict:
    """Compare the optimizer's own count of steps with the run's, and moves with those of a momentum kept."""
    if not record.options:
        return Undecided("an optimizer")
    resets = sorted({*_counted(record), *_forgotten(record)})
    if not resets:
        return None
    return Finding(
        rule="optimizer_reset",
        message=f"the optimizer began anew at step {resets[0]}"
        + (f" and {len(resets) - 1} times more" if len(resets) > 1 else ""),
        since=resets[0],
        confidence=0.96,
        cause="a new optimizer was built, or its state was cleared, while the training went on",
        remedy=(
            "build the optimizer once, and load its state with the weights when going on from a checkpoint"
        ),
        where=("optimizer",),
        evidence=(Evidence("times that it began anew", len(resets), 0, tuple(resets[:8])),),
    )


def _counted(record: Record) -> list[Step]:
    """Where the count that Adam and its kin keep is behind the run's: the steps at which it began again."""
    name = next(iter(record.matrices), None)
    if name is None:
        return []
    there = set(record.run.gradient_steps_of(name))  # a small disk budget leaves some parameters out
    steps = [step for step in record.gradient_steps if step in there]
    if len(steps) < 2:
        return []
    alone = len(record.run.manifest.optimizers) == 1
    begun: list[Step] = []
    last = 0
    keeps_state = record.options.get(name, {}).get("class") in _STATEFUL
    for step in steps:
        state = record.run.state(name, step) if step else {}
        count = _whole(state.get("step"))
        if step and keeps_state and alone and not state:
            begun += [0, step]  # it has nothing at a later step: it was built anew, perhaps for each step
            continue
        if step and (count is not None or (begun and alone)):
            # of several optimizers each counts its own steps, so only a count that falls tells
            fell = (count or 0) < last
            last = count or 0
            if alone or fell:
                begun.append(step - last)
            elif not begun:
                begun.append(0)
    return sorted({each for each in begun if each > min(begun)})


def _whole(count: Tensor | None) -> int | None:
    """The count of steps in an optimizer's state; None if it is no single number."""
    if count is None or count.numel() != 1 or count.is_complex() or not torch.isfinite(count).all():
        return None
    return int(count)


def _forgotten(record: Record) -> list[Step]:
    """Where a move is that of a first step with momentum, and not that of a momentum kept."""
    found: list[Step] = []
    for name in record.matrices:
        options, samples = record.options.get(name), record.samples.get(name)
        if options is None or samples is None or options["class"] != "SGD" or not options.get("momentum"):
            continue
        if options.get("nesterov") or options.get("maximize") or not np.isfinite(samples.gradients).all():
            continue
        found += _breaks(samples, options)
        break
    return found


def _breaks(samples: Samples, options: dict[str, float]) -> list[Step]:
    momentum, damping, decay = (
        float(options.get(each) or 0) for each in ("momentum", "dampening", "weight_decay")
    )
    pulls = samples.gradients + decay * samples.weights
    kept: Floats = pulls[0].copy()
    found = []
    # behind the first step that was left out nobody knows the momentum
    moves = samples.moves[: int(np.argmin(samples.gaps == 1)) if (samples.gaps != 1).any() else None]
    for at in range(1, len(moves)):
        carried = momentum * kept + (1 - damping) * pulls[at]
        move = -moves[at]
        fresh = cosine(move, pulls[at])
        if move.any() and fresh > 0.9999 and cosine(move, carried) < 0.999:
            found.append(int(samples.steps[at]))
            carried = pulls[at].copy()
        kept = carried
    return found


RULE = Rule(
    name="optimizer_reset",
    looks_at="the optimizer's count of steps in snapshots, sampled weights and gradients over the steps",
    threshold="a count behind the run's, or a move without the momentum that there was",
    source="exact: torch.optim.SGD and Adam's state",
    decide=decide,
)
