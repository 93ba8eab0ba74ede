"""Options that name what a run does not keep: the network of one's own loop, and one's own data."""

from __future__ import annotations

from typing import Annotated

import typer

NetworkOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE:FUNCTION",
        help="where the run is of your own loop: a function of a Python file that returns "
        "dict(model=…, inputs=…, targets=…, loss=…), so that its weights can be turned",
        show_default=False,
    ),
]
"""None where a built-in training is opened, or weights are only looked at."""

DataOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="the data of your own that the run was trained on, if they lie neither in the working directory "
        "nor beside the run",
        show_default=False,
    ),
]
"""None where they are looked for, or the run is of a built-in data set."""
