"""`weightdesk runs`: the runs below a folder."""

from __future__ import annotations

from typing import Annotated

import typer

from weightdesk.commands.folder import RUNS


def runs(
    folder: Annotated[str, typer.Argument(metavar="[DIR]", help="where to look, subfolders included")] = RUNS,
    json: Annotated[bool, typer.Option("--json", help="print the list as JSON")] = False,
) -> None:
    """List the runs in a folder, the oldest first."""
    from datetime import datetime

    from weightdesk.runs import find_runs
    from weightdesk.terminal.console import TerminalConsole
    from weightdesk.terminal.document import document
    from weightdesk.terminal.listing import run_table

    found = find_runs(folder)
    console = TerminalConsole()
    if json:
        print(document(found))
    elif found:
        console.print(run_table(found, datetime.now().astimezone(), console.width))
    else:
        console.print(f"no runs in {folder} yet: `weightdesk demo` or `weightdesk train digits` makes one")
