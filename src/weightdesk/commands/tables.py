"""How a command prints a page of tables: for people, or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weightdesk.explain.page import Page


def print_tables(page: Page, rows: int, *, json: bool) -> None:
    """Print the tables of a page.

    Arguments:
        page: any result.
        rows: of each table that are shown to people.
        json: all rows for programs instead.
    """
    from weightdesk.terminal.console import TerminalConsole
    from weightdesk.terminal.document import document
    from weightdesk.terminal.reasons import plain, reasons

    if json:
        print(document(plain(page)))
        return
    console = TerminalConsole()
    console.print(reasons(page, console.width, rows))
