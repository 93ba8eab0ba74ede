"""The loss as a function of two weights, with the way that the training took over it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, TypeAlias

import torch
from pydantic import Field
from torch import Tensor

from weightdesk.server.questions.question import Index, Question, Step, Turns, finite
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Integers, Message

ROOM: Final = 0.25  # around the recorded way, as a part of its extent
NARROW: Final = 2.0  # the least extent of a surface that nobody gave ends for

Span: TypeAlias = tuple[float, float]


class SurfaceMap(Message):
    """Losses of `first` by `second`, and at each of `steps` the two weights as they were recorded."""

    first: Doubles
    second: Doubles
    losses: Doubles
    exact: bool
    now: tuple[float, float]
    loss: float | None
    steps: Integers
    path: Doubles


class SurfaceQuestion(Question[SurfaceMap]):
    """What would the loss be for other values of two weights, after these turns?"""

    kind: ClassVar[str] = "surface"
    settled: ClassVar[bool] = False
    runs: ClassVar[bool] = True

    step: Step
    turns: Turns = ()
    names: tuple[str, str]
    indices: tuple[Index, Index]
    spans: tuple[Span, Span] | None = None
    """From and to, of each; None: around the recorded way, the present values and 0."""
    points: Annotated[int, Field(ge=2, le=25)] = 15

    def answer(self, session: Session) -> SurfaceMap:
        """Sweep both weights on the desk."""
        steps, path = _path(session, self.names, self.indices)
        with session.desk(self.step, self.turns) as desk:
            pairs = zip(self.names, self.indices, strict=True)
            now = [
                desk.state.values[session.run.parameters[name].name][index].item() for name, index in pairs
            ]
            spans = self.spans or [_span(path[:, axis], now[axis]) for axis in (0, 1)]
            values = [torch.linspace(*span, self.points, dtype=torch.float64) for span in spans]
            first, second = zip(self.names, self.indices, values, strict=True)
            found = desk.surface(first, second)
        return SurfaceMap(
            first=found.values[0],
            second=found.values[1],
            losses=found.losses,
            exact=bool(found.exact.all()),
            now=found.value,
            loss=finite(found.loss),
            steps=steps,
            path=path,
        )


def _path(session: Session, names: tuple[str, str], indices: tuple[Index, Index]) -> tuple[Tensor, Tensor]:
    """Both weights at the steps at which both are known."""
    one, two = (session.run.history(name, index) for name, index in zip(names, indices, strict=True))
    steps = one.steps[torch.isin(one.steps, two.steps)]
    values = [each.values[torch.isin(each.steps, steps)].double() for each in (one, two)]
    return steps, torch.stack(values, dim=1)


def _span(known: Tensor, now: float) -> Span:
    every = [each for each in (0.0, *known.tolist(), now) if finite(each) is not None]
    least, most = min(every), max(every)
    room = max(ROOM * (most - least), (NARROW - (most - least)) / 2)
    return least - room, most + room
