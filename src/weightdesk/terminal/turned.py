"""What there is to say of a built-in network after some turns, next to before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Compared:
    """One number, before the turns and now.

    Attributes:
        name: `loss`; `accuracy` or `r2` and `mae`, the latter in the targets' own units; or a class.
        before: of the unedited network.
        now: with the turns.
        change: now minus before.
    """

    name: str
    before: float
    now: float
    change: float


@dataclass(frozen=True)
class ShownExample:
    """What the network returns for one example.

    Attributes:
        example: its number among the held-out ones.
        target: name of its class; or its amounts, in the targets' own units, as are those below.
        before: name of the class that the unedited network gives; or its amounts.
        now: the same with the turns.
        outputs_before: of the unedited network, as they are.
        outputs: with the turns.
    """

    example: int
    target: str | tuple[float, ...]
    before: str | tuple[float, ...]
    now: str | tuple[float, ...]
    outputs_before: tuple[float, ...]
    outputs: tuple[float, ...]


@dataclass(frozen=True)
class Flipped:
    """An example that is given another class.

    Attributes:
        example: its number among the held-out ones.
        target: name of its class.
        before: name of the class that the unedited network gives.
        now: name of the class that is given with the turns.
        change: by how much the lead of the right class over the best other one grew.
    """

    example: int
    target: str
    before: str
    now: str
    change: float


@dataclass(frozen=True, kw_only=True)
class Swept:
    """The loss as a function of one weight, all others as they were turned.

    Attributes:
        weight: which one.
        value: where it is.
        loss: there.
        slope: of the loss there.
        slope_error: how far it is off at most, 95 of 100 times; 0 where it is exact.
        values: that it was given.
        losses: at each of them.
        errors: how far each loss is off at most, 95 of 100 times; 0 where it is exact.
        exact: which losses were computed on all examples.
        accuracy: at each of them; none where targets are no classes.
        lowest_value: where the loss is lowest, between the values, too; None where none is finite.
        lowest_loss: there.
        lowest_error: how far that is off.
        notes: how it was done.
    """

    weight: str
    value: float
    loss: float
    slope: float
    slope_error: float
    values: tuple[float, ...]
    losses: tuple[float, ...]
    errors: tuple[float, ...]
    exact: tuple[bool, ...]
    accuracy: tuple[float, ...]
    lowest_value: float | None
    lowest_loss: float | None
    lowest_error: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Turned:
    """What the page of a turned network says; as JSON these are the keys.

    Attributes:
        run: folder or address of the run.
        step: whose weights were turned.
        part: of the data that judges: `test`, or `validation` or `train` where nothing else was held out.
        examples: how many these are.
        turns: each in words.
        mix: all of them as JSON, for `--mix`.
        engine: how the network was run again.
        measures: loss and scores.
        classes: the accuracy of each class; none for a regression.
        shown: some examples, the first ones.
        flips: those whose class changed, the largest change first; none for a regression.
        became_right: how many of them.
        became_wrong: how many of them.
        sweeps: of single weights.
        notes: what must be known to read it.
        saved: the files that were written.
    """

    run: str
    step: int
    part: str
    examples: int
    turns: tuple[str, ...]
    mix: Any
    engine: str
    measures: tuple[Compared, ...]
    classes: tuple[Compared, ...]
    shown: tuple[ShownExample, ...]
    flips: tuple[Flipped, ...]
    became_right: int
    became_wrong: int
    sweeps: tuple[Swept, ...]
    notes: tuple[str, ...]
    saved: tuple[str, ...]
