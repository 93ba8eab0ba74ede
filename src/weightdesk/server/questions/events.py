"""What happened in the training, and when: facts of the recording, as marks for its timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np
import pyarrow as pa

from weightdesk.runs import Run
from weightdesk.runs.parent import Parent
from weightdesk.server.questions.question import Question
from weightdesk.server.session import Session
from weightdesk.server.statistics import Recorded
from weightdesk.server.wire import Message

Values: TypeAlias = np.ndarray[Any, Any]

_RATES: Final = ("lr", "learning_rate")
_STAIRS: Final = 12  # a schedule that changes the learning rate more often than this is a smooth one
_MEASURED: Final = {"weight": "weights", "gradient": "gradients", "activation": "activations"}
_ENDS: Final = {
    "finished": "completed",
    "interrupted": "interrupted by Ctrl-C",
    "failed": "died",
    "stopped": "the recording stopped",
    "killed": "killed: the process that recorded it is gone",
}


class Event(Message):
    """Something that happened at a step; `kind` says by which mark it is drawn, `message` what it is."""

    step: int
    kind: str
    message: str


class Events(Message):
    """In the order of steps."""

    events: tuple[Event, ...]


class EventsQuestion(Question[Events]):
    """What happened in this training, and when?"""

    kind: ClassVar[str] = "events"
    settled: ClassVar[bool] = False

    def answer(self, session: Session) -> Events:
        """Look for everything that can happen; afresh, as a living run grows."""
        found = [event for source in _SOURCES for event in source(session)]
        return Events(events=tuple(sorted(found, key=lambda event: event.step)))


def _beginning(session: Session) -> Iterator[Event]:
    manifest = session.run.manifest
    if manifest.parent is not None:
        yield Event(step=0, kind="start", message=f"continued from {Parent.from_dict(manifest.parent)}")
    for note in manifest.recording.get("notes", ()):
        yield Event(step=0, kind="note", message=note)


def _metrics(session: Session) -> Iterator[Event]:
    table = session.run.metrics
    yield from _nonfinite_losses(table)
    yield from _best(table, "loss", "lowest", np.argmin)
    yield from _best(table, "accuracy", "highest", np.argmax)
    for name in _RATES:
        yield from _steps_of_rate(*_logged(table, name))


def _nonfinite_losses(table: pa.Table) -> Iterator[Event]:
    for name in table.column_names:
        if not name.endswith("loss"):
            continue
        steps, values = _logged(table, name)
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            step, value = int(steps[wrong[0]]), values[wrong[0]]
            told = f"{name} is {'NaN' if np.isnan(value) else 'infinite'}"
            yield Event(step=step, kind="nonfinite", message=told)


def _best(table: pa.Table, score: str, word: str, choose: Callable[[Values], np.intp]) -> Iterator[Event]:
    """Where a score of held-out data was best; of validation data, else of test data, as the page has it."""
    name = next((each for each in (f"val_{score}", f"test_{score}") if each in table.column_names), "")
    steps, values = _logged(table, name)
    steps, values = steps[np.isfinite(values)], values[np.isfinite(values)]
    if len(values) > 1:  # of a single look nothing is the best
        best = choose(values)
        yield Event(step=int(steps[best]), kind=f"best_{score}", message=f"{word} {name}, {values[best]:.4g}")


def _steps_of_rate(steps: Values, values: Values) -> Iterator[Event]:
    """Where the learning rate went from one level to another that it held, too."""
    held = values[1:] == values[:-1]
    changed = [at for at in np.flatnonzero(~held) if held[at - 1 : at].any() and held[at + 1 : at + 2].any()]
    if len(changed) > _STAIRS:
        return
    for at in changed:
        told = f"learning rate {values[at]:.4g} → {values[at + 1]:.4g}"
        yield Event(step=int(steps[at + 1]), kind="learning_rate", message=told)


def _statistics(session: Session) -> Iterator[Event]:
    """Where NaN or infinity was first measured: the first such parameter of the model, and how many."""
    recorded = Recorded(session)
    for kind, word in _MEASURED.items():
        found = recorded.broken(kind)
        if found is None:
            continue
        step, names = found
        first, others = _in_order(session.run, set(names))[0], len(names) - 1
        more = f" and {others} other{'s' * (others > 1)}" if others else ""
        told = f"NaN or infinity first measured among the {word} of {first}{more}"
        yield Event(step=step, kind="nonfinite", message=told)


def _ending(session: Session) -> Iterator[Event]:
    run = session.run
    status, note = run.status, run.manifest.note
    if status in _ENDS:
        kind = "end" if status == "finished" else "broken"
        step = run.last_step or 0
        told = f"{_ENDS[status]} at step {step}" + (f": {note}" if note else "")
        yield Event(step=step, kind=kind, message=told)


_SOURCES: Final[tuple[Callable[[Session], Iterable[Event]], ...]] = (
    _beginning,
    _metrics,
    _statistics,
    _ending,
)
"""Each looks for events of its own."""


def _logged(table: pa.Table, name: str) -> tuple[Values, Values]:
    """A scalar, and the steps at which it was logged; empty where it never was."""
    if name not in table.column_names:
        return np.array([], np.int64), np.array([])
    known = table.select(["step", name]).drop_null()
    return known.column("step").to_numpy(), known.column(name).to_numpy()


def _in_order(run: Run, names: set[str]) -> list[str]:
    modules = [module["name"] for module in run.manifest.model.get("modules", [])]
    return [name for name in (*run.parameters, *modules) if name in names] or sorted(names)
