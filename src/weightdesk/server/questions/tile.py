"""A part of a matrix as coarse as it is looked at, so that the largest is as quick as the smallest."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, NamedTuple

from pydantic import Field
from torch import Tensor

from weightdesk.errors import IndexRangeError
from weightdesk.server.questions.question import Question, Step, Turns
from weightdesk.server.session import Session
from weightdesk.server.wire import Floats, Message
from weightdesk.statistics.coarsening import coarsened, largest

SIDE: Final = 256
"""Numbers along a side of a tile; `web/src/inspector/matrix/tile.ts` counts on it."""

_COARSE: Final = 16  # a side of the blocks that are taken once, so that the whole is not read each time

Halvings = Annotated[int, Field(ge=0, le=40)]
Place = Annotated[int, Field(ge=0, lt=2**53)]


class Tile(Message):
    """At most 256 × 256 numbers, and how far a finite weight of the whole matrix is from 0 at most."""

    values: Floats
    largest: float


class TileQuestion(Question[Tile]):
    """What is there to see of a matrix, so many tiles from its top left?

    A number stands for 2^down × 2^across weights: it is the one farthest from 0.
    """

    kind: ClassVar[str] = "tile"

    parameter: str
    step: Step
    turns: Turns = ()
    down: Halvings = 0
    across: Halvings = 0
    row: Place = 0
    column: Place = 0

    def answer(self, session: Session) -> Tile:
        """Read just the weights that the tile stands for, or what is known of them already."""
        name = session.run.parameters[self.parameter].name
        key = (name, self.step, self.turns)
        matrix: _Matrix = session.kept("matrix", key, lambda: _Matrix.of(session.weights(*key)))
        values, (height, width) = matrix.near(2**self.down, 2**self.across)
        part = values[_span(self.row, height), _span(self.column, width)]
        if not part.numel():
            rows, columns = matrix.values.shape
            height, width = 2**self.down, 2**self.across
            raise IndexRangeError(
                f"{name} is a matrix of {rows:,} × {columns:,}, and has no tile {self.row}, {self.column} "
                f"whose numbers stand for {height:,} × {width:,} weights"
            )
        return Tile(values=coarsened(part, height, width).numpy(), largest=matrix.largest)


class _Matrix(NamedTuple):
    """A row for each unit; what has one axis only is one row."""

    values: Tensor
    coarse: Tensor
    largest: float

    @classmethod
    def of(cls, weights: Tensor) -> _Matrix:
        values = weights.detach().float().reshape(len(weights) if weights.ndim > 1 else 1, -1)
        coarse = coarsened(values, _COARSE, _COARSE)
        return cls(values, coarse, largest(coarse if bool(coarse.isfinite().all()) else values))

    def near(self, height: int, width: int) -> tuple[Tensor, tuple[int, int]]:
        """The least numbers of which blocks can be taken, and how large a block is in them."""
        if min(height, width) < _COARSE:
            return self.values, (height, width)
        return self.coarse, (height // _COARSE, width // _COARSE)


def _span(tile: int, size: int) -> slice:
    return slice(tile * SIDE * size, (tile + 1) * SIDE * size)
