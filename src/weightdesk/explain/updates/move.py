"""What moved one weight over a stretch of steps: the parts of all its moves, summed up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, SupportsIndex

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, number, section
from weightdesk.explain.updates.knownsteps import KnownSteps, Shares
from weightdesk.runs.history import History
from weightdesk.runs.run import Run
from weightdesk.runs.steps import choose_step
from weightdesk.types import Index, ParameterName, Step

_LONGEST: Final = 10_000_000
"""Steps of a stretch: every part takes 8 bytes for each of them, and there are ten parts at most."""


@dataclass(frozen=True, eq=False)
class MovePart:
    """One share of a long move.

    Attributes:
        name: where it comes from.
        value: what it added to the weight in all steps.
        known: what it added in the steps that are known; the rest of the value is interpolated.
    """

    name: str
    value: float
    known: float


@dataclass(frozen=True, eq=False)
class MoveReasons(Page):
    """What moved one weight from one step to another.

    Attributes:
        parameter: the parameter's name.
        index: the weight's place in it.
        start: optimizer steps done at the beginning.
        stop: optimizer steps done at the end.
        before: the weight at the beginning, exactly.
        after: the weight at the end, exactly.
        parts: the shares of the gradients, of each kind of decay and so on.
        error: the move minus all parts: what interpolation got wrong, and rounding.
        known_steps: of how many steps the parts are known, and not interpolated.
        stretches: a row for each stretch between two snapshots: `from`, `to`, `move`, each part, `error`.
    """

    parameter: ParameterName
    index: Index
    start: Step
    stop: Step
    before: float
    after: float
    parts: tuple[MovePart, ...]
    error: float
    known_steps: int
    stretches: pa.Table

    @property
    def move(self) -> float:
        """How far the weight went; `sum(part.value for part in parts) + error` is just this."""
        return self.after - self.before

    @property
    def title(self) -> str:
        """Which weight moved, and how far."""
        index = ", ".join(str(each) for each in self.index)
        return (
            f"{self.parameter}[{index}], step {self.start} to {self.stop}: "
            f"{self.before:.6g} → {self.after:.6g}, moved {number(self.move)}"
        )

    def sections(self) -> list[Section]:
        """The parts of the whole move, then those of each stretch."""
        rows = [*self.parts, MovePart("error", self.error, 0.0)]
        columns = {
            "part": [each.name for each in rows],
            "move": [each.value for each in rows],
            "share": [each.value / self.move if self.move else None for each in rows],
            "in known steps": [each.known for each in rows],
        }
        note = (
            f"{self.known_steps} of {self.stop - self.start} steps are known; parts of the others are "
            "interpolated, and the error is what the weight's true move says to that"
            if self.parts
            else "the rule of the optimizer is not known: only the move is"
        )
        return [
            section("parts of the move", columns, bars=["move"], note=note),
            Section("stretches between snapshots", self.stretches),
        ]


def explain_move(
    run: Run,
    name: ParameterName,
    index: SupportsIndex | Iterable[SupportsIndex],
    start: SupportsIndex | None = None,
    stop: SupportsIndex | None = None,
) -> MoveReasons:
    """Sum up what moved a weight over many steps, and say how far the sum is off.

    Of the steps between those that are known, each part is interpolated linearly; before the first and
    after the last known step it is taken to stay the same. The move itself is always exact, and so is
    the error. Where the optimizer's rule is not known there are no parts, and all of the move is error.

    Arguments:
        run: an opened run.
        name: a parameter of it.
        index: the weight's place in the parameter.
        start: a step at which the weight is known; the first one if not given.
        stop: a later one; the last one if not given. Negative ones count from the last.

    Raises:
        UnknownParameterError: the run has no such parameter.
        IndexRangeError: the index lies outside its shape.
        StepNotKeptError: the weight is not known at one of these steps, or no step is kept in full.

    >>> import tempfile, torch
    >>> import weightdesk
    >>> layer = torch.nn.Linear(1, 1, bias=False)
    >>> optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
    >>> folder = tempfile.mkdtemp()
    >>> with weightdesk.watch(layer, optimizer, f"{folder}/run", every=2):
    ...     for _ in range(4):
    ...         optimizer.zero_grad()
    ...         layer(torch.ones(1, 1)).sum().backward()
    ...         optimizer.step()
    >>> reasons = explain_move(weightdesk.open_run(f"{folder}/run"), "weight", (0, 0))
    >>> [(part.name, part.value) for part in reasons.parts], reasons.known_steps
    ([('gradient', -2.0)], 4)
    """
    parameter = run.parameters[name]
    history = run.history(name, index)
    known = history.steps.tolist()
    what = f"weight of {parameter.name}"
    first = choose_step((known or [0])[0] if start is None else start, known, what)
    last = choose_step(-1 if stop is None else stop, known, what)
    if first >= last:
        raise OptionError(f"a stretch must end after it begins: got steps {first} to {last}")
    if last - first > _LONGEST:
        raise OptionError(
            f"a stretch has {_LONGEST:,} steps at most, got {first} to {last}: give start and stop"
        )
    shares = KnownSteps(run, history).between(first, last)
    return _reasons(history, run.steps, (first, last), shares)


def _reasons(
    history: History,
    snapshots: Iterable[Step],
    ends: tuple[Step, Step],
    shares: Mapping[Step, Shares],
) -> MoveReasons:
    first, last = ends
    names = list(dict.fromkeys(part for each in shares.values() for part in each))
    each_step = {part: _interpolated(shares, part, first, last) for part in names}
    weights = dict(zip(history.steps.tolist(), history.values.double().tolist(), strict=True))
    inside = [step for step in shares if first <= step < last]
    parts = tuple(
        MovePart(
            part,
            each_step[part].sum().item(),
            sum(shares[step].get(part, 0.0) for step in inside),
        )
        for part in names
    )
    bounds = [first, *(step for step in snapshots if first < step < last and step in weights), last]
    return MoveReasons(
        parameter=history.parameter,
        index=history.index,
        start=first,
        stop=last,
        before=weights[first],
        after=weights[last],
        parts=parts,
        error=weights[last] - weights[first] - sum(part.value for part in parts),
        known_steps=len(inside),
        stretches=_stretches(bounds, weights, each_step),
    )


def _interpolated(
    shares: Mapping[Step, Shares], part: str, first: Step, last: Step
) -> npt.NDArray[np.float64]:
    """One part of every step, linear between the known ones."""
    known = sorted(shares)
    return np.interp(np.arange(first, last), known, [shares[step].get(part, 0.0) for step in known])


def _stretches(
    bounds: Sequence[Step], weights: Mapping[Step, float], each_step: Mapping[str, npt.NDArray[np.float64]]
) -> pa.Table:
    rows = []
    for begin, end in pairwise(bounds):
        move = weights[end] - weights[begin]
        inside = slice(begin - bounds[0], end - bounds[0])
        parts = {part: values[inside].sum().item() for part, values in each_step.items()}
        rows.append({"from": begin, "to": end, "move": move, **parts, "error": move - sum(parts.values())})
    return pa.Table.from_pylist(rows)
