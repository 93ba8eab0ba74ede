"""Parameters and modules at a glance: a short series of each, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from weightdesk.runs.parameters import Parameter, Parameters
from weightdesk.server.grouped import Array, Rows
from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.statistics import COLUMNS, Recorded, evenly
from weightdesk.server.wire import Doubles, Integers, Message

MOST: Final = 64
"""Names in one question."""
POINTS: Final = 40
"""Points of a series at most."""

_ENOUGH: Final = 3  # recorded steps before "throughout" means something


class TrendWarning(Message):
    """What the recorded statistics show to be wrong, in one line."""

    line: str
    severity: Literal["severe", "mild"]


class Trend(Message):
    """A statistic at some of the recorded steps, spread evenly over them; of a module that of all in it."""

    name: str
    kind: str
    column: str
    steps: Integers
    values: Doubles
    warning: TrendWarning | None


class Trends(Message):
    """One for each name, in the order in which they were asked for."""

    trends: tuple[Trend, ...]


class TrendsQuestion(Question[Trends]):
    """How did these parameters and modules fare?

    The series is the update ratio, which tells of every layer on the same scale whether it learns; of a
    parameter that no optimizer moves it is the rms of its weights. Only parameters have warnings.
    """

    kind: ClassVar[str] = "trends"
    settled: ClassVar[bool] = False

    names: Annotated[tuple[str, ...], Field(max_length=MOST)]

    def answer(self, session: Session) -> Trends:
        """Look through all recorded steps; the series shows some of them."""
        recorded, known = Recorded(session), session.run.parameters
        return Trends(trends=tuple(_found(name, known, recorded) for name in self.names))


def _found(name: str, known: Parameters, recorded: Recorded) -> Trend:
    inside = [] if name in known else [each for each in known.values() if each.name.startswith(f"{name}.")]
    return _pooled(name, inside, recorded) if inside else _trend(known[name], recorded)


def _trend(parameter: Parameter, recorded: Recorded) -> Trend:
    known = {kind: recorded.of(kind, parameter.name) for kind in COLUMNS}
    kind, column = ("update", "update_ratio") if len(known["update"].steps) else ("weight", "rms")
    shown = known[kind].part(evenly(len(known[kind].steps), POINTS))
    return Trend(
        name=parameter.name,
        kind=kind,
        column=column,
        steps=shown.steps,
        values=shown.columns[column],
        warning=next(_warnings(parameter, known), None),
    )


def _pooled(name: str, inside: Sequence[Parameter], recorded: Recorded) -> Trend:
    """The update ratio of all that lies in a module, as if it were one parameter."""
    moved = {each: recorded.of("update", each.name) for each in inside}
    every = next((rows.steps for rows in moved.values() if len(rows.steps)), np.zeros(0, np.int32))
    steps = every[evenly(len(every), POINTS)]
    updates, weights = np.zeros(len(steps)), np.zeros(len(steps))
    for parameter, rows in moved.items():
        if np.isin(steps, rows.steps).all():
            before = recorded.of("weight", parameter.name)
            updates += parameter.size * _at(steps, rows, "rms") ** 2
            weights += parameter.size * _at(steps, before, "rms") ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.sqrt(updates / weights)
    return Trend(name=name, kind="update", column="update_ratio", steps=steps, values=ratio, warning=None)


def _at(steps: Array, rows: Rows, column: str) -> Array:
    found: Array = rows.columns[column][np.searchsorted(rows.steps, steps)]
    return found


def _warnings(parameter: Parameter, known: Mapping[str, Rows]) -> Iterator[TrendWarning]:
    """What is wrong, the worst first."""
    for kind, rows in known.items():
        if rows.is_broken.any():
            yield TrendWarning(line=f"{_NAMES[kind]} not finite {_when(rows)}", severity="severe")
    for kind, what in _IDLE.items():
        rows = known[kind]
        if parameter.trainable and len(rows.steps) >= _ENOUGH and rows.is_zero.all():
            yield TrendWarning(line=f"{what} {len(rows.steps)} recorded steps", severity="mild")


_IDLE: Final = {"gradient": "gradient exactly 0 in all", "update": "trainable, but moved in none of the"}
_NAMES: Final = {"weight": "weights", "gradient": "gradient", "update": "update"}


def _when(rows: Rows) -> str:
    first = int(rows.is_broken.argmax())
    if rows.is_broken[first:].all():
        return f"since step {rows.steps[first]}"
    return f"in {rows.is_broken.sum()} of {len(rows.steps)} recorded steps, first at {rows.steps[first]}"
