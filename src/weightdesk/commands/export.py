"""`weightdesk export`: a run as one file to send to others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from weightdesk.commands.network import DataOption, NetworkOption


def export(
    run: Annotated[str, typer.Argument(help="folder or address of a run", show_default=False)],
    html: Annotated[Path, typer.Option(help="HTML file to write", show_default=False)],
    network: NetworkOption = None,
    data: DataOption = None,
) -> None:
    """Write the desk of a run as one HTML file: opens without weightdesk, and weights turn in it."""
    from weightdesk.report import write_report
    from weightdesk.server.opening import open_session

    done = write_report(open_session(run, network, data), html)
    print(f"{html}: {done.size / 1e6:.1f} MB, opens in any browser, also offline")
    for note in done.notes:
        print(note)
