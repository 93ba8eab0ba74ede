"""The page of a run: what it is, how it went, its layers, its first weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from weightdesk.terminal.curves import Panel
from weightdesk.terminal.figures import duration, several, size
from weightdesk.terminal.halfblocks import half_blocks
from weightdesk.terminal.layertable import layer_table
from weightdesk.terminal.overview import Overview
from weightdesk.terminal.plot import plot
from weightdesk.terminal.status import status_text
from weightdesk.terminal.tiles import Tiles

_PLOT_HEIGHT: Final = 8
_PICTURE_LINES: Final = 14
_WIDEST: Final = 100
_SIDE_BY_SIDE: Final = 118  # characters from which two plots stand beside each other


def page(overview: Overview, panels: Sequence[Panel], tiles: Tiles | None, width: int) -> Group:
    """Draw the page of a run.

    Arguments:
        overview: what there is to say.
        panels: the training curves.
        tiles: the first weights as maps; None where colours cannot be shown.
        width: characters there are.

    """
    parts: list[RenderableType] = [_header(overview)]
    if panels:
        parts += [_heading("Training"), _plots(panels, width)]
    parts += [_heading(_network_title(overview)), layer_table(overview.layers, width)]
    if tiles and not tiles.rows and (drawn := half_blocks(tiles, min(width, _WIDEST), _PICTURE_LINES)):
        parts += [_heading(tiles.title), drawn]
    return Group(*parts)


def _header(overview: Overview) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("run", Text(overview.run, style="bold"))
    table.add_row("status", status_text(overview.status))
    for name, text in _facts(overview):
        table.add_row(name, Text(text))
    return table


def _facts(overview: Overview) -> Iterator[tuple[str, str]]:
    if overview.note:
        yield "note", overview.note
    model = overview.network or overview.model.rpartition(".")[2]
    yield (
        "model",
        f"{model}, {several(overview.weights, 'weight')} in {several(overview.parameters, 'parameter')}",
    )
    if overview.data:
        yield "data", overview.data + ("" if overview.seed is None else f", seed {overview.seed}")
    if overview.parent:
        yield "goes on", f"from {overview.parent}"
    yield "optimizer", ", ".join(overview.optimizers)
    yield "trained", f"{several(overview.last_step or 0, 'step')}, {_when(overview)}"
    snapshots = several(len(overview.snapshots), "snapshot")
    statistics = several(overview.statistics, "step")
    yield "kept", f"{snapshots}, statistics of {statistics}, {size(overview.size)}"
    for note in overview.notes:
        yield "", note


def _when(overview: Overview) -> str:
    began = datetime.fromisoformat(overview.created)
    begun = f"begun {began.astimezone():%Y-%m-%d %H:%M}"
    if overview.closed is None:
        return begun
    return f"{begun}, {duration((datetime.fromisoformat(overview.closed) - began).total_seconds())}"


def _heading(title: str) -> Text:
    return Text(f"\n{title}", style="bold")


def _network_title(overview: Overview) -> str:
    if overview.step is None:
        return "Network (no snapshot yet)"
    return f"Network at step {overview.step:,}"


def _plots(panels: Sequence[Panel], width: int) -> RenderableType:
    last = max(panel.last_step for panel in panels)
    if len(panels) == 1 or width < _SIDE_BY_SIDE:
        return Group(*(plot(panel, min(width, _WIDEST), _PLOT_HEIGHT, last) for panel in panels))
    table = Table.grid(padding=(0, 2))
    each = min(width - 2 * len(panels), 160) // len(panels)
    table.add_row(*(plot(panel, each, _PLOT_HEIGHT, last) for panel in panels))
    return table
