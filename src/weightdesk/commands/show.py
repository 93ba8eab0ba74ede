"""`weightdesk show`: what a run has recorded."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weightdesk.errors import OptionError, StepNotKeptError

if TYPE_CHECKING:
    from rich.console import Console

    from weightdesk.runs import Run
    from weightdesk.terminal.overview import Overview


def show(
    run: Annotated[str, typer.Argument(help="folder or address of a run", show_default=False)],
    step: Annotated[
        int | None, typer.Option(help="the step to show, the last one where left out", show_default=False)
    ] = None,
    png: Annotated[
        str | None,
        typer.Option(
            help="draw the first layer's weights into this file", metavar="FILE", show_default=False
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print the numbers as JSON")] = False,
) -> None:
    """Show a run: how it went, and its layers at the start and now."""
    from weightdesk.runs import open_run
    from weightdesk.terminal.console import TerminalConsole
    from weightdesk.terminal.document import document
    from weightdesk.terminal.overview import read_overview

    opened = open_run(run)
    overview = read_overview(opened, step)
    if png:
        _save_picture(opened, overview, Path(png))
    if json:
        print(document(overview))
    else:
        print_page(opened, overview, TerminalConsole(), until=step)


def print_page(run: Run, overview: Overview, console: Console, until: int | None = None) -> None:
    """Print the page of a run, with its first weights in colour where the console has colours.

    Arguments:
        run: an open run.
        overview: what was read of it.
        console: where to print.
        until: the last step of the training curves; all where left out.

    """
    from weightdesk.terminal.curves import panels
    from weightdesk.terminal.page import page
    from weightdesk.terminal.tiles import first_tiles

    step = overview.step
    coloured = console.is_terminal and console.color_system is not None and not console.no_color
    tiles = None if step is None or not coloured else first_tiles(run, step)
    shown = panels(run.metrics, None if until is None else step)
    console.print(page(overview, shown, tiles, console.width))


def _save_picture(run: Run, overview: Overview, file: Path) -> None:
    from weightdesk.terminal.picture import picture
    from weightdesk.terminal.tiles import first_tiles

    if file.suffix.lower() != ".png":
        raise OptionError(f"--png writes a PNG picture: the file must be named so, such as {file.stem}.png")
    if overview.step is None:
        raise StepNotKeptError(f"{run.path} has no snapshot yet, so there are no weights to draw")
    encoded = BytesIO()
    picture(first_tiles(run, overview.step)).save(encoded, "PNG")
    try:
        file.write_bytes(encoded.getvalue())
    except OSError as error:
        raise OptionError(f"cannot write the picture {file}: {error.strerror}; name another file") from None
