"""`weightdesk open`: a run, or a comparison of several, on the desk in the browser."""

from __future__ import annotations

from typing import Annotated

import typer

from weightdesk.commands.network import DataOption, NetworkOption


def open_(
    run: Annotated[
        str,
        typer.Argument(help="folder or address of a run, or the folder of a comparison", show_default=False),
    ],
    port: Annotated[int, typer.Option(help="port to listen on, 0 for a free one", min=0, max=65535)] = 0,
    host: Annotated[
        str, typer.Option(help="address to listen on; any but this machine's own lets others in")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="open the browser")] = True,
    network: NetworkOption = None,
    data: DataOption = None,
) -> None:
    """Open the desk of a run in the browser: replay the training, see why weights moved, turn them.

    A comparison opens with its verdict, and with the desk of every member.
    """
    from weightdesk.server.aside import Aside
    from weightdesk.server.launch import serve
    from weightdesk.server.opening import open_place

    session = open_place(run, network, data)
    aside = Aside(run, network, session.gauge, data)
    at = "page=compare" if session.members else ""
    serve(session, aside=aside, host=host, port=port, browse=browser, at=at)
