"""A built-in network on a desk, and what there is to say of it after some turns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from weightdesk.desk import Desk, Outcome
from weightdesk.desk.sweeps import Sweep
from weightdesk.errors import OptionError
from weightdesk.runs import Run
from weightdesk.terminal.turned import Compared, Flipped, ShownExample, Swept, Turned
from weightdesk.training import HeldOut, held_out, recorded_recipe


def open_desk(run: Run, step: int, data: str | None = None) -> tuple[Desk, HeldOut]:
    """The run's network with the weights of a step, on its held-out examples.

    Raises:
        OptionError: the run is of somebody's own training loop, or its recipe is impossible.
        DataError: the data that it was trained on are not there.
    """
    if run.recipe is None:
        raise OptionError(
            f"{run.path} is of a training loop of its own, so its network cannot be built again from the run "
            "alone: build it in Python, run.load_into(model), and open Desk(model, inputs, targets, run=run)"
        )
    held = held_out(recorded_recipe(run, data))
    run.load_into(held.model, step)
    desk = Desk(held.model, held.inputs, held.targets, held.loss, incremental=False, run=run)
    return desk, held


def read_turned(
    desk: Desk,
    held: HeldOut,
    run: str,
    step: int,
    *,
    swept: Sequence[Sweep] = (),
    saved: tuple[str, ...] = (),
) -> Turned:
    """Read what there is to say of a desk with a built-in network on its held-out examples.

    Arguments:
        desk: with the turns made.
        held: what the desk was made of.
        run: where its weights come from.
        step: of the run.
        swept: sweeps of single weights.
        saved: files that were written.
    """
    outcome, flips = desk.outcome, desk.outcome.flips
    return Turned(
        run=run,
        step=step,
        part=held.part,
        examples=outcome.count,
        turns=tuple(edit.describe() for edit in outcome.edits),
        mix=json.loads(desk.mix.to_json()),
        engine=desk.engine.name,
        measures=tuple(_measures(outcome, held)),
        classes=tuple(_classes(outcome, held)),
        shown=tuple(_shown(desk, held)),
        flips=tuple(_flips(outcome, held)),
        became_right=0 if flips is None else int(flips.gained.sum()),
        became_wrong=0 if flips is None else int(flips.lost.sum()),
        sweeps=tuple(map(_swept, swept)),
        notes=outcome.notes,
        saved=saved,
    )


def _measures(outcome: Outcome, held: HeldOut) -> Iterator[Compared]:
    for name, each in outcome.measures.items():
        if name != "error":
            yield Compared(name, each.before, each.now, each.change)
        elif held.scale is None or len(held.scale.scale) == 1:
            unit = 1.0 if held.scale is None else held.scale.scale[0]
            yield Compared("mae", each.before * unit, each.now * unit, each.change * unit)


def _classes(outcome: Outcome, held: HeldOut) -> Iterator[Compared]:
    before, now = outcome.class_accuracy_before, outcome.class_accuracy
    if before is None or now is None:
        return
    for name, one, other in zip(held.class_names, before.tolist(), now.tolist(), strict=True):
        yield Compared(name, one, other, other - one)


def _shown(desk: Desk, held: HeldOut) -> Iterator[ShownExample]:
    shown = desk.shown
    columns = (shown.targets, shown.before, shown.outputs)
    told = [_told(each, held) for each in columns]
    plain = [tuple(map(tuple, each.tolist())) for each in columns[1:]]
    for row in zip(shown.examples.tolist(), *told, *plain, strict=True):
        yield ShownExample(*row)


def _told(values: Tensor, held: HeldOut) -> list[Any]:
    """Names of classes, or amounts in the targets' own units."""
    if held.class_names:
        # To argmax NaN is larger than any number: where there is one, no class is given.
        given = values.argmax(1).where(~values.isnan().any(1), -1) if values.ndim > 1 else values
        return [_class(int(each), held) for each in given]
    amounts = values if held.scale is None else held.scale.revert(values)
    return [tuple(row) for row in amounts.tolist()]


def _flips(outcome: Outcome, held: HeldOut) -> Iterator[Flipped]:
    flips = outcome.flips
    if flips is None:
        return
    classes = (
        [_class(each, held) for each in column.tolist()] for column in (flips.truths, flips.before, flips.now)
    )
    for row in zip(flips.examples.tolist(), *classes, flips.changes.tolist(), strict=True):
        yield Flipped(*row)


def _swept(sweep: Sweep) -> Swept:
    lowest = sweep.lowest
    return Swept(
        weight=sweep.weight,
        value=sweep.value,
        loss=sweep.loss,
        slope=sweep.slope,
        slope_error=sweep.slope_error,
        values=tuple(sweep.values.tolist()),
        losses=tuple(sweep.losses.tolist()),
        errors=tuple(sweep.error.tolist()),
        exact=tuple(sweep.exact.tolist()),
        accuracy=() if sweep.accuracy is None else tuple(sweep.accuracy.tolist()),
        lowest_value=None if lowest is None else lowest.value,
        lowest_loss=None if lowest is None else lowest.loss,
        lowest_error=None if lowest is None else lowest.error,
        notes=sweep.notes,
    )


def _class(number: int, held: HeldOut) -> str:
    return "none" if number < 0 else held.class_names[number]
