"""`--network FILE:FUNCTION`: the network of a training loop of one's own, with examples."""

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
