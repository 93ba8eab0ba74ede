"""A part of a matrix at a level of zoom, so that the largest is as quick to look at as the smallest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Final

from pydantic import Field

from weightdesk.errors import IndexRangeError
from weightdesk.server.questions.question import Question, Step, Turns, finite
from weightdesk.server.session import Session
from weightdesk.server.wire import Floats, Message
from weightdesk.statistics.pyramid import Pyramid

SIDE: Final = 256


class Tile(Message):
    """A square of one level: of each 2^level × 2^level weights the one farthest from 0, with its sign."""

    values: Floats
    largest: float | None
    rows: int
    columns: int
    levels: int


class TileQuestion(Question[Tile]):
    """What is there to see of a matrix, so many tiles of 256 × 256 from its top left?"""

    kind: ClassVar[str] = "tile"

    parameter: str
    step: Step
    turns: Turns = ()
    level: Annotated[int, Field(ge=0, le=40)] = 0
    row: Annotated[int, Field(ge=0)] = 0
    column: Annotated[int, Field(ge=0)] = 0

    def answer(self, session: Session) -> Tile:
        """Cut it out of the pyramid, which is kept until another matrix is looked at."""
        name = session.run.parameters[self.parameter].name
        pyramid: Pyramid = session.kept("pyramid", (name, self.step, self.turns), self._made(session, name))
        if self.level >= len(pyramid.levels):
            raise IndexRangeError(f"{name} has levels 0 to {len(pyramid.levels) - 1}, got {self.level}")
        values = pyramid.tile(self.level, self.row, self.column, SIDE)
        rows, columns = pyramid.levels[0].shape
        top = float(pyramid.levels[-1].abs().item()) if pyramid.levels[-1].numel() else 0.0
        return Tile(
            values=values, largest=finite(top), rows=rows, columns=columns, levels=len(pyramid.levels)
        )

    def _made(self, session: Session, name: str) -> Callable[[], Pyramid]:
        def make() -> Pyramid:
            weights = session.weights(name, self.step, self.turns).float()
            return Pyramid.of(weights.reshape(len(weights) if weights.ndim else 1, -1))

        return make
