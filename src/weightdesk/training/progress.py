"""How a running training shows itself: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from weightdesk.training.outcome import Progress, Report

LINE_SECONDS = 2.0


@contextmanager
def display(console: Console) -> Iterator[Progress]:
    r"""Yield what `train` calls to show how it stands, for the time of the block.

    >>> import io
    >>> console = Console(file=io.StringIO(), width=100)
    >>> with display(console) as show:
    ...     show(Report(step=5, steps=5, loss=0.25, held_out={"accuracy": 0.5}, score="accuracy",
    ...                 steps_per_second=100.0, recording_cost=0.01))
    >>> console.file.getvalue()
    'step 5/5  loss 0.2500  held-out accuracy 50.0%  100 steps/s  recording 1.0%\n'
    """
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (BarColumn(bar_width=10), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with Bar(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda report: bar.update(
            task, total=report.steps, completed=report.step, description=describe(report)
        )


def describe(report: Report) -> str:
    """Return the loss, the score on held-out data, the speed and what recording costs, as one line.

    >>> describe(Report(step=5, steps=9, loss=0.25, held_out={}, score="r2", steps_per_second=100.0,
    ...                 recording_cost=0.01))
    'loss 0.2500  100 steps/s  recording 1.0%'
    """
    parts = [f"loss {report.loss:.4f}"]
    if report.score in report.held_out:
        value = report.held_out[report.score]
        shown = f"{value:.1%}" if report.score == "accuracy" else f"{value:.3f}"
        parts.append(f"held-out {report.score} {shown}")
    parts += [f"{report.steps_per_second:.0f} steps/s", f"recording {report.recording_cost:.1%}"]
    return "  ".join(parts)


def _lines(console: Console) -> Progress:
    """Print a line at the first report, every few seconds, and at the end."""
    printed = -LINE_SECONDS

    def show(report: Report) -> None:
        nonlocal printed
        now = time.monotonic()
        if now - printed >= LINE_SECONDS or report.step == report.steps:
            printed = now
            line = f"step {report.step}/{report.steps}  {describe(report)}"
            console.print(line, highlight=False, soft_wrap=True)

    return show
