"""`weightdesk export`: a run as one file to send to others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[str, typer.Argument(help="folder or address of a run", show_default=False)],
    html: Annotated[Path, typer.Option(help="HTML file to write", show_default=False)],
) -> None:
    """Write the desk of a run as one HTML file: opens without weightdesk, and weights turn in it."""
    from weightdesk.report import write_report
    from weightdesk.runs import open_run
    from weightdesk.server.session import Session

    done = write_report(Session(open_run(run)), html)
    print(f"{html}: {done.size / 1e6:.1f} MB, opens in any browser, also offline")
    for note in done.notes:
        print(note)
