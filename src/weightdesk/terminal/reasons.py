"""Pages of reasons in a terminal: titled tables, with bars to both sides of zero."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final, TypeAlias

import pyarrow as pa
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from weightdesk.explain.page import Page, Section, number

Row: TypeAlias = dict[str, Any]

_HALF: Final = 8  # characters on each side of zero
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


def _section(section: Section, width: int, rows: int) -> Iterator[RenderableType]:
    if section.note:
        yield Text(section.note, style="dim")
    shown: list[Row] = section.table.slice(0, rows).to_pylist()
    if shown:
        console, with_bars = Console(width=10 * width), _table(section, shown, section.bars)
        fits = Measurement.get(console, console.options, with_bars).maximum <= width
        yield with_bars if fits else _table(section, shown, ())
    if left := section.table.num_rows - len(shown):
        yield Text(f"… and {left:,} more", style="dim")


def _table(section: Section, rows: list[Row], bars: Collection[str]) -> Table:
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    largest: dict[str, float] = {}
    for place, field in enumerate(section.table.schema):
        is_text = not (pa.types.is_floating(field.type) or pa.types.is_integer(field.type))
        # Text may go on in the next line; a number, or what a row is called, does not.
        drawn.add_column(
            field.name,
            justify="left" if is_text else "right",
            overflow="fold",
            no_wrap=not (is_text and place),
        )
        if field.name in bars:
            drawn.add_column("", no_wrap=True)
            values = section.table[field.name].drop_null().to_pylist()
            largest[field.name] = max(map(abs, values), default=0.0)
    for row in rows:
        cells = []
        for name, value in row.items():
            cells.append(Text(number(value)))
            if name in largest:
                cells.append(signed_bar(value, largest[name]))
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
