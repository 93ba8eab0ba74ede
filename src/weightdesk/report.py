"""A run as one HTML file that opens without a server: its answers lie in it, and the page computes the rest.

`web/src/hosts/file.ts` reads them, `web/src/engine` runs the network. What there is no room for is
thinned out evenly: first the steps with gradients and updates, then the snapshots themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from weightdesk.errors import OptionError, StepNotKeptError
from weightdesk.runs.parent import Parent
from weightdesk.runs.stores.regularfiles import expanded
from weightdesk.runs.wholefile import write_whole
from weightdesk.server.embedded import Embedded, answered, as_text, embedded
from weightdesk.server.page import page_file
from weightdesk.server.paths import name_of, without_folders
from weightdesk.server.questions.checkup import CheckupQuestion
from weightdesk.server.questions.events import Events, EventsQuestion
from weightdesk.server.questions.examples import ExamplesQuestion
from weightdesk.server.questions.flow import FlowQuestion
from weightdesk.server.questions.layer import LayerQuestion
from weightdesk.server.questions.metrics import MetricsQuestion
from weightdesk.server.questions.network import NetworkQuestion
from weightdesk.server.questions.overview import OverviewQuestion
from weightdesk.server.questions.ranges import RangesQuestion
from weightdesk.server.questions.spread import SpreadQuestion
from weightdesk.server.questions.trends import MOST, TrendsQuestion
from weightdesk.server.questions.weights import AT_ONCE, WeightsQuestion
from weightdesk.server.session import Session
from weightdesk.server.statistics import evenly

LARGEST: Final = 10_000_000
"""Bytes above which steps are left out, down to the first and the last snapshot."""

_FRAMES: Final = 200
"""Snapshots of a file at most: the replay has some twenty a second, and each is asked for before it is known
whether it fits."""

_EXAMPLES: Final = 1_000_000  # bytes of examples beside the first ones, before compression
_TOGETHER: Final = 64  # examples of one question
_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)

Notes = tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """What came of it: the size of the file in bytes, and what had to be left out, one line each."""

    size: int
    notes: Notes


def write_report(session: Session, path: str | Path, *, largest: int = LARGEST) -> Written:
    """Write the desk of a run as one HTML file.

    Arguments:
        session: the run; a living one is written as it is now.
        path: of the file.
        largest: bytes above which steps are left out.

    Raises:
        OptionError: the file is there already, the page is not built, the run keeps no snapshot, or a
            parameter is too large.
    """
    path = expanded(path)
    if path.exists():
        raise OptionError(f"{path} is there already; name another file, or remove this one")
    make = _page(path.stem)
    if not session.run.steps:
        raise OptionError(f"{session.run.path} keeps no snapshot, so there is nothing to write")
    for each in session.run.parameters.values():
        if each.size > AT_ONCE:
            raise OptionError(
                f"{each.name} has {each.size:,} weights, more than the {AT_ONCE:,} that one file can hold; "
                "`weightdesk open` shows this run"
            )
    content, notes = _fitted(_Contents(session), make, largest)
    write_whole(path, lambda place: place.write_bytes(content))
    return Written(len(content), notes)


def spread(steps: Sequence[int], count: int) -> tuple[int, ...]:
    """So many of the steps, the first and the last among them and the others evenly between.

    >>> spread(range(0, 50, 5), 4)
    (0, 15, 30, 45)
    """
    if count < 2:
        return ()
    return tuple(steps[each] for each in evenly(len(steps), count))


class _Contents:
    """What goes into the file; everything is asked once, however often it is tried how much fits."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._all = session.run.steps, session.run.gradient_steps
        self.steps, self.changed = (
            spread(steps, _FRAMES) if len(steps) > _FRAMES else steps for steps in self._all
        )
        self._parameters = [each.name for each in session.run.parameters.values()]

    def of(self, steps: Sequence[int], changed: Sequence[int]) -> tuple[list[Embedded], Notes]:
        """The answers with just these snapshots and gradients, and what is left out."""
        notes = (
            *_left_out(self._all[0], steps, "snapshots"),
            *_left_out(self._all[1], changed, "gradients"),
        )
        path = name_of(self._session.run.path)  # others are not told where it lies
        facts: dict[str, Any] = {"path": path, "steps": steps, "gradient_steps": changed}
        if self._silent is not None:
            notes = (*notes, f"weights can only be looked at in this file: {self._silent}")
            facts["subject"] = None
        overview = OverviewQuestion().answer(self._session).model_copy(update=facts | {"notes": notes})
        found = [embedded(OverviewQuestion(), overview), *self._always]
        found += [each for step in steps for each in self._snapshots[step]]
        return found + [each for step in changed for each in self._changes[step]], notes

    @cached_property
    def _silent(self) -> str | None:
        """Why the page cannot run the network; None where it can."""
        if not self._session.has_subject:
            return "the network of a training loop of one's own is known in Python only"
        inputs = self._session.subject.inputs
        if not isinstance(inputs, Tensor) or not inputs.is_floating_point():
            return "the network takes something else than one tensor of real numbers"
        return NetworkQuestion(step=self.steps[-1]).answer(self._session).reason

    @cached_property
    def _always(self) -> list[Embedded]:
        asked = (MetricsQuestion(), CheckupQuestion())
        found = [answered(each, self._session) for each in asked]
        found.append(embedded(EventsQuestion(), self._events()))
        found += self._statistics()
        if self._silent is None:
            found += self._examples()
        return found

    def _events(self) -> Events:
        """What happened, without the folders of this machine: notes and the weights begun with name some."""
        run = self._session.run
        parent = Parent.from_dict(run.manifest.parent or {})
        known = [run.path, parent.run or "", parent.file or ""]
        events = EventsQuestion().answer(self._session).events
        told = (each.model_copy(update={"message": without_folders(each.message, known)}) for each in events)
        return Events(events=tuple(told))

    def _statistics(self) -> Iterator[Embedded]:
        """What was measured of each parameter, and of as many together as the page asks for at once."""
        for name in self._parameters:
            yield answered(LayerQuestion(parameter=name), self._session)
            yield answered(SpreadQuestion(parameter=name), self._session)
        for start in range(0, len(self._parameters), MOST):
            together = tuple(self._parameters[start : start + MOST])
            yield answered(TrendsQuestion(names=together), self._session)

    def _examples(self) -> Iterator[Embedded]:
        """As many as there is room for; of a table also the ranges of its columns."""
        inputs = self._session.subject.inputs
        room = max(_TOGETHER, _EXAMPLES // max(1, inputs[0].numel() * 4))
        total = min(len(inputs), -(-room // _TOGETHER) * _TOGETHER)
        for start in range(0, total, _TOGETHER):
            question = ExamplesQuestion(start=start)
            yield embedded(question, question.answer(self._session).model_copy(update={"total": total}))
        if inputs.ndim == 2:
            yield answered(RangesQuestion(), self._session)

    @cached_property
    def _snapshots(self) -> dict[int, list[Embedded]]:
        return {step: list(self._snapshot(step)) for step in self.steps}

    @cached_property
    def _changes(self) -> dict[int, list[Embedded]]:
        return {step: list(self._change(step)) for step in self.changed}

    def _snapshot(self, step: int) -> Iterator[Embedded]:
        if self._silent is None:
            yield answered(NetworkQuestion(step=step), self._session)
        yield answered(FlowQuestion(step=step), self._session)
        for name in self._parameters:
            yield answered(WeightsQuestion(parameter=name, step=step), self._session)

    def _change(self, step: int) -> Iterator[Embedded]:
        """Gradients and updates, as far as the step keeps them of a parameter."""
        for name in self._parameters:
            for what in ("gradient", "update"):
                try:
                    yield answered(WeightsQuestion(parameter=name, step=step, what=what), self._session)
                except StepNotKeptError:
                    continue


def _left_out(known: Sequence[int], kept: Sequence[int], what: str) -> Iterator[str]:
    if len(kept) < len(known):
        yield f"this file has {what} at {len(kept)} of {len(known)} steps, for its size; the run has all"


def _fitted(contents: _Contents, make: Callable[[str], bytes], largest: int) -> tuple[bytes, Notes]:
    """The file with as many steps as there is room for."""
    steps, changed = contents.steps, contents.changed
    while True:
        answers, notes = contents.of(steps, changed)
        page = make(as_text(answers))
        if len(page) <= largest or (not changed and len(steps) <= 2):
            return page, notes
        if changed:  # these go first: the weights are what the page turns
            bare = len(make(as_text(contents.of(steps, ())[0])))
            room = 0.99 * max(0, largest - bare) / max(1, len(page) - bare)
            changed = spread(contents.changed, min(len(changed) - 1, math.floor(len(changed) * room)))
        else:
            fewer = min(len(steps) - 1, math.floor(len(steps) * largest / len(page)))
            steps = spread(contents.steps, max(2, fewer))


def _page(title: str) -> Callable[[str], bytes]:
    """Makes the file of the text of its answers."""
    script, style = (page_file(name).read_text("utf-8") for name in ("desk.js", "desk.css"))
    # all that could end a script or a style too early, or be read as a comment
    for risky in ("<!--", "<script", "</script"):
        script = script.replace(risky, f"\\x3c{risky[1:]}")
    style = style.replace("</style", "<\\/style")
    start = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)} · weightdesk</title>\n<link rel="icon" href="data:,">\n'
        f'<style>{style}</style>\n</head>\n<body>\n<div id="desk"></div>\n'
        '<script type="application/octet-stream" id="weightdesk-run">'
    )
    end = f'</script>\n<script type="module">{script}</script>\n</body>\n</html>\n'
    return lambda answers: f"{start}{answers}{end}".encode()
