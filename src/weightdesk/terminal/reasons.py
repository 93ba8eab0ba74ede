"""Pages of reasons in a terminal: titled tables, with bars to both sides of zero."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final, TypeAlias

import pyarrow as pa
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from weightdesk.explain.page import Page, Section, number

Row: TypeAlias = dict[str, Any]

_HALF: Final = 8  # characters on each side of zero
_NARROWEST: Final = 14  # of a column of text that may go on in the next line
_FEW: Final = 4  # rows more than asked for that are not worth leaving out
_EIGHTHS: Final = ("", *"▏▎▍▌▋▊▉")
_POSITIVE, _NEGATIVE = "dodger_blue1", "dark_orange"


def reasons(page: Page, width: int, rows: int = 12) -> Group:
    """Draw a page of reasons.

    Arguments:
        page: what came out of an explanation.
        width: characters there are.
        rows: how many rows of each table; the most important come first.

    """
    parts: list[RenderableType] = [Text(page.title, style="bold")]
    for each in page.sections():
        parts += [Text(f"\n{each.title}", style="bold"), *_section(each, width, rows)]
    return Group(*parts)


def plain(page: Page) -> dict[str, object]:
    """A page as plain JSON values."""
    sections = [
        {"title": each.title, "note": each.note, "rows": each.table.to_pylist()} for each in page.sections()
    ]
    return {"title": page.title, "sections": sections}


def _section(section: Section, width: int, rows: int) -> Iterator[RenderableType]:
    if section.note:
        yield Text(section.note, style="dim")
    rows = rows if section.table.num_rows > rows + _FEW else rows + _FEW
    shown: list[Row] = section.table.slice(0, rows).to_pylist()
    if shown:
        yield _fitting(section, shown, width)
    if left := section.table.num_rows - len(shown):
        yield Text(f"… and {left:,} more", style="dim")


def _fitting(section: Section, rows: list[Row], width: int) -> Table:
    """The table without what there is no room for: the bars first, then the last columns."""
    console = Console(width=1000)
    drawn = _table(section, rows, section.bars)
    if Measurement.get(console, console.options, drawn).maximum <= width:
        return drawn
    for count in range(section.table.num_columns, 0, -1):
        drawn = _table(section, [dict(list(row.items())[:count]) for row in rows], ())
        if Measurement.get(console, console.options, drawn).minimum <= width:
            break
    return drawn


def _table(section: Section, rows: list[Row], bars: Collection[str]) -> Table:
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    columns: list[list[Text]] = []
    for place, name in enumerate(rows[0]):
        values, kind = [row[name] for row in rows], section.table.schema.field(name).type
        is_text = not (pa.types.is_floating(kind) or pa.types.is_integer(kind))
        if not any(number(each) for each in values):
            continue
        columns.append([Text(number(each)) for each in values])
        # Text may go on in the next line; a number, or what a row is called, does not.
        whole = max(cell_len(name), *(each.cell_len for each in columns[-1]))
        narrowest = min(whole, _NARROWEST) if is_text and place else whole
        drawn.add_column(name, justify="left" if is_text else "right", overflow="fold", min_width=narrowest)
        if name in bars:
            known = section.table[name].drop_null().to_pylist()
            largest = max(map(abs, known), default=0.0)
            columns.append([signed_bar(each, largest) for each in values])
            drawn.add_column("", no_wrap=True)
    for cells in zip(*columns, strict=True):
        drawn.add_row(*cells)
    return drawn


def signed_bar(value: float | None, largest: float) -> Text:
    """A bar that goes right from the middle for a positive value and left for a negative one.

    >>> [str(signed_bar(each, 4.0)) for each in (4.0, -2.0)]
    ['        │████████', '    ████│        ']
    """
    if not value or not largest or value != value:
        return Text("")
    share = min(1.0, abs(value) / largest)
    if value < 0:  # no font has eighths of blocks that begin at the right
        block = "█" * max(1, round(share * _HALF))
        return Text(" " * (_HALF - len(block))).append(block, _NEGATIVE).append("│" + " " * _HALF)
    whole, rest = divmod(max(1, round(share * _HALF * 8)), 8)
    return Text(" " * _HALF + "│").append(f"{'█' * whole + _EIGHTHS[rest]:<{_HALF}}", _POSITIVE)
