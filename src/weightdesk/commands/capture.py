"""`weightdesk capture`: what the weights of a run have captured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from weightdesk.commands.network import NetworkOption

if TYPE_CHECKING:
    from weightdesk.capture.case import Case
    from weightdesk.capture.progress import Progress


def capture(
    run: Annotated[str, typer.Argument(help="folder or address of a run", show_default=False)],
    reading: Annotated[
        str,
        typer.Argument(help="what to read: story, filters …; `list` tells all that fit the network"),
    ] = "story",
    layer: Annotated[str | None, typer.Option(help="layer to look at", show_default=False)] = None,
    unit: Annotated[int | None, typer.Option(help="unit of the layer", min=0, show_default=False)] = None,
    word: Annotated[
        str | None,
        typer.Option(help="a word; of `negation` also two, as in 'never good'", show_default=False),
    ] = None,
    example: Annotated[int, typer.Option(help="example to look at", min=0)] = 0,
    step: Annotated[
        int | None,
        typer.Option(help="whose weights to read, the last one where left out", show_default=False),
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(help="another run whose layers to compare", metavar="RUN", show_default=False),
    ] = None,
    network: NetworkOption = None,
    rows: Annotated[int, typer.Option(help="rows of each table", min=1)] = 12,
    json: Annotated[bool, typer.Option("--json", help="print the tables as JSON")] = False,
) -> None:
    """Read what the weights capture, each claim with a score and what a random network scores."""
    from weightdesk.runs.steps import choose_step
    from weightdesk.server.opening import open_session

    session = open_session(run, network)
    chosen = choose_step(-1 if step is None else step, session.run.steps, "snapshot")
    case = session.case(chosen, beside=beside or ())
    if reading == "list":
        _list(case, json=json)
        return
    place = {"layer_name": layer, "unit_number": unit, "word": word, "example": example}
    _show(reading, case.about(**place), rows, json=json)


def _show(reading: str, case: Case, rows: int, *, json: bool) -> None:
    """Read one thing and print it."""
    from rich.console import Console

    from weightdesk.capture.readings import READINGS, STORY, read
    from weightdesk.terminal.document import document
    from weightdesk.terminal.reasons import plain, reasons

    with _progress() as progress:
        page = read(reading, case.about(progress=progress))
    if json:
        print(document(plain(page)))
        return
    console = Console(highlight=False)
    console.print(reasons(page, console.width, rows))
    if reading == STORY:
        more = ", ".join(name for name, each in READINGS.items() if each.fits(case) and name != STORY)
        console.print(f"\nmore: {more}", style="dim")


def _list(case: Case, *, json: bool) -> None:
    """Tell what can be read of this network."""
    from rich.console import Console
    from rich.table import Table

    from weightdesk.capture.readings import READINGS
    from weightdesk.terminal.document import document

    found = [
        {"reading": name, "about": each.about, "says": each.title}
        for name, each in READINGS.items()
        if each.fits(case)
    ]
    if json:
        print(document(found))
        return
    table = Table("reading", "about one", "says", box=None)
    for each in found:
        table.add_row(*each.values())
    Console(highlight=False).print(table)


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on the error stream while something takes long; it leaves nothing behind."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("reading the weights", total=1.0)
        yield lambda what, share: bar.update(task, description=what, completed=share)
