"""What can be read from the weights: a page of tables, by the names of `weightdesk.capture.readings`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import pyarrow as pa
from pydantic import Field

from weightdesk.capture.readings import read
from weightdesk.explain.page import Section, number
from weightdesk.server.questions.question import Question, Step, Turns
from weightdesk.server.session import Session
from weightdesk.server.wire import Doubles, Message

ROWS: Final = 2000


class ReadingColumn(Message):
    """A column of a table: `words`, or where there are none `numbers`, NaN for what is missing.

    `bar` is whether its numbers are drawn as bars.
    """

    name: str
    bar: bool
    words: tuple[str, ...] | None
    numbers: Doubles


class ReadingTable(Message):
    """A titled table: its first rows, of `rows` in all."""

    title: str
    note: str
    columns: tuple[ReadingColumn, ...]
    rows: int


class Reading(Message):
    """Tables, the main one first."""

    title: str
    tables: tuple[ReadingTable, ...]


class ReadingQuestion(Question[Reading]):
    """What do the weights say in this respect?"""

    kind: ClassVar[str] = "reading"
    runs: ClassVar[bool] = True
    long: ClassVar[bool] = True

    name: str
    step: Step
    turns: Turns = ()
    layer: str | None = None
    unit: Annotated[int, Field(ge=0)] | None = None
    example: Annotated[int, Field(ge=0)] = 0
    word: Annotated[str, Field(max_length=100)] | None = None

    def answer(self, session: Session) -> Reading:
        """Read it, or what was read before."""
        place = {"layer_name": self.layer, "unit_number": self.unit, "example": self.example}
        page = read(self.name, session.case(self.step, self.turns).about(**place, word=self.word))
        return Reading(title=page.title, tables=tuple(map(table_of, page.sections())))


def table_of(section: Section, most: int = ROWS) -> ReadingTable:
    """The table of a section: its first rows, so many at most."""
    shown = section.table.slice(0, most)
    columns = tuple(_column(name, shown[name], name in section.bars) for name in shown.column_names)
    return ReadingTable(title=section.title, note=section.note, columns=columns, rows=section.table.num_rows)


def _column(name: str, values: pa.ChunkedArray, bar: bool) -> ReadingColumn:
    kind = values.type
    if pa.types.is_floating(kind) or (pa.types.is_integer(kind) and values.null_count == 0):
        numbers = values.cast(pa.float64()).to_numpy()
        return ReadingColumn(name=name, bar=bar, words=None, numbers=numbers)
    words = tuple(number(each) for each in values.to_pylist())
    return ReadingColumn(name=name, bar=bar, words=words, numbers=())
