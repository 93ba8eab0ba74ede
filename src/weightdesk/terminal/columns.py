"""A table whose first column takes what room the others leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeVar

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from weightdesk.terminal.figures import shorten

T = TypeVar("T")

_NARROWEST: Final = 8


@dataclass(frozen=True)
class Column(Generic[T]):
    """One column.

    Attributes:
        heading: in one line or in two.
        cell: what it says of a row; "" where there is nothing to say.
        style: of the cells.
        justify: where figures have their end, and text its start.
        optional: whether a narrow terminal goes without it.

    """

    heading: str
    cell: Callable[[T], str | Text]
    style: str = ""
    justify: Literal["left", "right"] = "right"
    optional: bool = False


def table(
    rows: Sequence[T], first: Column[T], others: Sequence[Column[T]], width: int, *, fold: bool = False
) -> Table:
    """Draw rows in at most so many characters.

    Columns that have nothing to say of any row are left out; so are optional ones, the last first,
    where the first column would else be cut.

    Arguments:
        rows: at least one.
        first: the names of the rows.
        others: the other columns.
        width: characters there are.
        fold: whether a name that is too long goes on in the next line, so that it can be copied;
            else it loses its middle.

    >>> from rich.console import Console
    >>> columns = [Column("length", lambda row: str(len(row)))]
    >>> Console(width=16).print(table(["a", "a-very-long-name"], Column("name", str), columns, 16))
    name      length
    a              1
    a-ve…name     16
    """
    said = [column for column in others if any(_length(column.cell(row)) for row in rows)]
    longest = _width(first, rows)
    while (room := _room(rows, said, width, 1)) < longest and any(each.optional for each in said):
        said.remove(next(each for each in reversed(said) if each.optional))
    room = max(room, _NARROWEST)
    gap = 2 if _room(rows, said, width, 2) >= longest else 1
    drawn = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
    lines = max(each.heading.count("\n") for each in (first, *said))
    drawn.add_column(
        _lowered(first.heading, lines), overflow="fold", style=first.style, width=min(longest, room)
    )
    for column in said:
        heading = _lowered(column.heading, lines)
        drawn.add_column(heading, justify=column.justify, style=column.style, no_wrap=True)
    for row in rows:
        name = _text(first.cell(row))
        if not fold:
            name.plain = shorten(name.plain, room)
        drawn.add_row(name, *(_text(column.cell(row)) for column in said))
    return drawn


def _text(cell: str | Text) -> Text:
    # Names may hold brackets, which rich would take for markup in a plain string.
    return Text(cell) if isinstance(cell, str) else cell


def _lowered(heading: str, lines: int) -> str:
    return "\n" * (lines - heading.count("\n")) + heading


def _room(rows: Sequence[T], columns: Sequence[Column[T]], width: int, gap: int) -> int:
    return width - sum(_width(column, rows) + gap for column in columns)


def _width(column: Column[T], rows: Sequence[T]) -> int:
    return max(
        *(cell_len(line) for line in column.heading.split("\n")), *(_length(column.cell(row)) for row in rows)
    )


def _length(cell: str | Text) -> int:
    return cell_len(str(cell).strip())
