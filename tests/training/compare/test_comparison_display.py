from __future__ import annotations

import io

from rich.console import Console

from weightdesk.training.compare.display import display
from weightdesk.training.compare.member import Ending, Standing


def shown(*, terminal: bool) -> str:
    console = Console(file=io.StringIO(), width=90, force_terminal=terminal)
    with display(console, 1, 3) as hear:
        hear(Standing(name="[a]-seed0", step=5, steps=9, loss=0.5, process=1))
        hear(Ending(name="[a]-seed0", status="finished", said="finished after 9 steps"))
        hear(Ending(name="b-seed0", status="killed", said="its process ended by signal 9 (Killed)"))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_elsewhere_every_end_is_a_line() -> None:
    assert shown(terminal=False).splitlines() == [
        "2/3 [a]-seed0 finished after 9 steps",
        "3/3 b-seed0 killed: its process ended by signal 9 (Killed)",
    ]


def test_a_terminal_keeps_what_went_wrong() -> None:
    text = shown(terminal=True)
    assert "3/3 b-seed0 killed" in text
    assert "finished after" not in text
