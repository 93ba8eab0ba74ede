"""How a running comparison shows itself: one display for all its members."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from weightdesk.training.compare.member import Ending, Hear, Standing


@contextmanager
def display(console: Console, done: int, members: int) -> Iterator[Hear]:
    r"""Yield what is told how members stand: bars on a terminal, a line for each end elsewhere.

    Arguments:
        console: where to show it.
        done: members that were finished before.
        members: how many there are in all.

    >>> import io
    >>> console = Console(file=io.StringIO(), width=100)
    >>> with display(console, 1, 3) as hear:
    ...     hear(Ending(name="zeros-seed0", status="failed", said="ValueError: no"))
    >>> console.file.getvalue()
    '2/3 zeros-seed0 failed: ValueError: no\n'
    """
    if not console.is_terminal:
        yield _Lines(console, done, members)
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=20), MofNCompleteColumn())
    with Bars(*columns, TimeRemainingColumn(), console=console, transient=True) as bars:
        yield _Shown(bars, _Lines(console, done, members))


class _Lines:
    def __init__(self, console: Console, done: int, members: int) -> None:
        self.console, self.done, self.members = console, done, members

    def __call__(self, said: Standing | Ending) -> None:
        if isinstance(said, Ending):
            self.done += 1
            told = said.said if said.is_done else f"{said.status}: {said.said}"
            line = f"{self.done}/{self.members} {said.name} {told}"
            self.console.print(line, markup=False, highlight=False, soft_wrap=not self.console.is_terminal)


class _Shown:
    def __init__(self, bars: Bars, lines: _Lines) -> None:
        self._bars, self._lines = bars, lines
        self._whole = bars.add_task("all", total=lines.members, completed=lines.done)
        self._running: dict[str, TaskID] = {}

    def __call__(self, said: Standing | Ending) -> None:
        if isinstance(said, Standing):
            if said.name not in self._running:
                self._running[said.name] = self._bars.add_task(said.name, total=said.steps)
            described = f"{said.name}  loss {said.loss:.3f}"
            self._bars.update(self._running[said.name], completed=said.step, description=described)
            return
        if said.name in self._running:
            self._bars.remove_task(self._running.pop(said.name))
        self._bars.advance(self._whole)
        if said.is_done:
            self._lines.done += 1
        else:
            self._lines(said)
