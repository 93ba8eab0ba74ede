"""How reasons are shown: every result is a page of sections, the same in a notebook and a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import pyarrow as pa

from weightdesk.explain.images import NEGATIVE, POSITIVE, Picture

_ROWS_SHOWN: Final = 30
_IMAGES_SHOWN: Final = 64


@dataclass(frozen=True)
class Section:
    """A titled table of a page.

    Attributes:
        title: what the table shows.
        table: its rows, the most important first.
        bars: columns whose numbers are drawn as bars, to the right for positive ones.
        note: one line of what must be known to read it, such as an error bound.
    """

    title: str
    table: pa.Table
    bars: tuple[str, ...] = ()
    note: str = ""


def section(title: str, columns: Mapping[str, Any], *, bars: Iterable[str] = (), note: str = "") -> Section:
    """Make a section from columns.

    >>> section("terms", {"input": ["x0"], "product": [0.5]}, bars=["product"]).table.num_rows
    1
    """
    return Section(title, pa.table(dict(columns)), tuple(bars), note)


class Page:
    """What all results are: a title, sections, and how a notebook shows them."""

    @property
    def title(self) -> str:
        """What is explained, in a line."""
        raise NotImplementedError

    def sections(self) -> list[Section]:
        """The tables of the page, the main one first."""
        raise NotImplementedError

    def images(self) -> list[Picture]:
        """The pictures of the page, if any."""
        return []

    def to_arrow(self) -> pa.Table:
        """The main table."""
        return self.sections()[0].table

    def _repr_html_(self) -> str:
        pictures = "".join(each.html() for each in self.images()[:_IMAGES_SHOWN])
        tables = "".join(_html(each) for each in self.sections())
        return f"<h3>{escape(self.title)}</h3>{pictures}{tables}"


def number(value: Any) -> str:
    """A number as a person reads it: four digits, the sign always.

    >>> number(-0.000123456), number(3), number("pixel 4"), number([2, 0])
    ('-0.0001235', '3', 'pixel 4', '2, 0')
    """
    if isinstance(value, (list, tuple)):
        return ", ".join(number(each) for each in value)
    if isinstance(value, float):
        if math.isnan(value):
            return "–"
        return f"{value:+.4g}" if value else "0"
    return "" if value is None else str(value)


def _html(part: Section) -> str:
    rows = part.table.slice(0, _ROWS_SHOWN).to_pylist()
    largest = {
        name: max((abs(value) for value in part.table[name].to_pylist() if value is not None), default=0.0)
        for name in part.bars
    }
    head = "".join(f"<th>{escape(name)}</th>" for name in part.table.column_names)
    body = "".join(
        "<tr>" + "".join(_cell(value, largest.get(name)) for name, value in row.items()) + "</tr>"
        for row in rows
    )
    left = part.table.num_rows - len(rows)
    more = f"<p>… and {left} more rows: <code>.to_arrow()</code></p>" if left > 0 else ""
    note = f"<p>{escape(part.note)}</p>" if part.note else ""
    return f"<h4>{escape(part.title)}</h4><table><tr>{head}</tr>{body}</table>{more}{note}"


def _cell(value: Any, largest: float | None) -> str:
    text = escape(number(value))
    if not largest or not value or not math.isfinite(value / largest):
        return f"<td>{text}</td>"
    colour = POSITIVE if value > 0 else NEGATIVE
    width = round(60 * abs(value) / largest)
    bar = f'<span style="display:inline-block;height:.7em;width:{width}px;background:{colour}"></span>'
    return f"<td>{text} {bar}</td>"
