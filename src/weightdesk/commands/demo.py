"""`weightdesk demo`: a real network learns real handwritten digits, and every weight is kept."""

from __future__ import annotations

import sys
from typing import Final

from weightdesk.commands.beside import DeskBeside

_NEXT: Final = """
Its weights, gradients and updates are recorded. Read any of them back in Python:

    import weightdesk
    run = weightdesk.open_run("{path}")
    run.history("{parameter}", {index})  # one weight: .steps, .values
    run.weights("{parameter}", -1)            # the tensor at the last step
    run.gradient("{parameter}", 0)            # its gradient in the first step

next: weightdesk open {path}
      weightdesk check {path}
      weightdesk explain {path} {parameter} {place}
      weightdesk turn {path} 'mute conv1[5]'
      weightdesk turn {path} --sweep '{parameter}[{place}]'
      weightdesk train --again {path}"""


def demo() -> None:
    """Train a small network on handwritten digits, show what was recorded, and open it on the desk."""
    from weightdesk.commands.show import print_page
    from weightdesk.commands.train import record, tell
    from weightdesk.runs import open_run
    from weightdesk.terminal.console import TerminalConsole
    from weightdesk.terminal.overview import read_overview
    from weightdesk.training import Recipe

    console = TerminalConsole()
    # More than a training would spend on it: here the recording is what it is all about.
    outcome = record(Recipe.create("digits"), None, console, cost=0.2)
    tell(console, outcome.summary().splitlines()[0] + "\n")
    run = open_run(outcome.directory)
    print_page(run, read_overview(run), console)
    parameter = next(iter(run.parameters.values()))
    index = (0,) * len(parameter.shape)
    place = ",".join(map(str, index))
    tell(console, _NEXT.format(path=run.path, parameter=parameter.name, index=index, place=place))
    if console.is_terminal and sys.stdin.isatty():  # somebody is there to end it
        tell(console, "")
        DeskBeside(run.path).wait()
