"""`weightdesk capture`: what the weights of a run have captured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weightdesk.commands.network import DataOption, NetworkOption
from weightdesk.commands.tables import print_tables

if TYPE_CHECKING:
    from weightdesk.capture.case import Case
    from weightdesk.capture.progress import Progress
    from weightdesk.explain.page import Page


def capture(
    run: Annotated[str, typer.Argument(help="folder or address of a run", show_default=False)],
    reading: Annotated[
        str,
        typer.Argument(help="what to read: story, filters …; `list` tells all that fit the network"),
    ] = "story",
    layer: Annotated[str | None, typer.Option(help="layer to look at", show_default=False)] = None,
    unit: Annotated[
        int | None, typer.Option(help="unit of the layer", min=0, max=2**31, show_default=False)
    ] = None,
    word: Annotated[
        str | None,
        typer.Option(help="a word; of `negation` also two, as in 'never good'", show_default=False),
    ] = None,
    example: Annotated[int, typer.Option(help="example to look at", min=0, max=2**31)] = 0,
    step: Annotated[
        int | None,
        typer.Option(help="whose weights to read, the last one where left out", show_default=False),
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(help="another run whose layers to compare", metavar="RUN", show_default=False),
    ] = None,
    network: NetworkOption = None,
    data: DataOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="file for the pictures, where the reading has such", metavar="PNG", show_default=False
        ),
    ] = None,
    rows: Annotated[int, typer.Option(help="rows of each table", min=1, max=10**6)] = 12,
    json: Annotated[bool, typer.Option("--json", help="print the tables as JSON")] = False,
) -> None:
    """Read what the weights capture, each claim with a score and what a random network scores."""
    from weightdesk.runs.steps import choose_step
    from weightdesk.server.opening import open_session

    session = open_session(run, network, data)
    chosen = choose_step(-1 if step is None else step, session.run.steps, "snapshot")
    case = session.case(chosen, beside=beside or ())
    if reading == "list":
        _list(case, json=json)
        return
    place = {"layer_name": layer, "unit_number": unit, "word": word, "example": example}
    page = _read(reading, case.about(**place))
    if out is not None:
        _save(page, out)
    _show(reading, page, case, rows, json=json)


def _read(reading: str, case: Case) -> Page:
    from weightdesk.capture.readings import read

    with _progress() as progress:
        return read(reading, case.about(progress=progress))


def _save(page: Page, out: Path) -> None:
    """Write the pictures of a page into one file.

    Raises:
        OptionError: it has none, or the file cannot be written.
    """
    from weightdesk.errors import OptionError
    from weightdesk.terminal.sheet import contact_sheet

    images = page.images()
    if not images:
        raise OptionError(
            "--out: this reading has no pictures; of a network that is given pictures these have: "
            "pictures, filters, expanded, factors"
        )
    try:
        contact_sheet(page.title, images).save(out)
    except (OSError, ValueError) as error:
        raise OptionError(f"--out {out}: {error}; name a file that ends with .png") from error


def _show(reading: str, page: Page, case: Case, rows: int, *, json: bool) -> None:
    """Print what was read."""
    from weightdesk.capture.readings import READINGS, STORY
    from weightdesk.terminal.console import TerminalConsole

    print_tables(page, rows, json=json)
    if json:
        return
    console = TerminalConsole()
    if images := page.images():
        console.print(f"\n{len(images)} pictures: --out FILE.png", style="dim")
    if reading == STORY:
        more = ", ".join(name for name, each in READINGS.items() if each.fits(case) and name != STORY)
        console.print(f"\nmore: {more}", style="dim")


def _list(case: Case, *, json: bool) -> None:
    """Tell what can be read of this network."""
    from rich.table import Table

    from weightdesk.capture.readings import READINGS
    from weightdesk.terminal.console import TerminalConsole
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
    TerminalConsole().print(table)


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on the error stream while something takes long; it leaves nothing behind."""
    from rich.progress import BarColumn, Progress, TextColumn

    from weightdesk.terminal.console import TerminalConsole

    console = TerminalConsole(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:3.0f} %"),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("reading the weights", total=1.0)
        yield lambda what, share: bar.update(task, description=what, completed=share)
