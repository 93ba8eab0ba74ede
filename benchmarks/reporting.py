"""What a benchmark found: one row a figure, and how rows are printed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measured figure beside what it should reach.

    Attributes:
        what: what was measured.
        figure: what came out, with its unit.
        reach: what it should reach, or `"-"` for a peer measured beside it.
        met: whether it does; True for peers.
    """

    what: str
    figure: str
    reach: str = "-"
    met: bool = True


def markdown(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table.

    >>> print(markdown([Row("open a run", "0.02 s", "≤ 0.5 s", True)]))
    | what | measured | reach | met |
    | --- | --- | --- | --- |
    | open a run | 0.02 s | ≤ 0.5 s | yes |
    """
    lines = ["| what | measured | reach | met |", "| --- | --- | --- | --- |"]
    for row in rows:
        met = "" if row.reach == "-" else "yes" if row.met else "**no**"
        lines.append(f"| {row.what} | {row.figure} | {row.reach} | {met} |")
    return "\n".join(lines)


def median_seconds(task: Callable[[], object], repeats: int = 7) -> float:
    """Median wall-clock time of the task, after one call that does not count."""
    task()
    return statistics.median(seconds(task) for _ in range(repeats))


def seconds(task: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start
